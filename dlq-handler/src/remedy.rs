//! What the handler does about a failure without a person: it requests a delivery again, a few times.
//!
//! The handler never repeats a failed *rotation*. Secrets Manager does that, or a person. `RotateSecret` could enable a
//! cancelled rotation again, replace a value that somebody stored by hand, or rotate twice.

use std::time::Duration;

use contract::{Area, DeliveryRequest};

use crate::message::Failure;

/// The first request counts as one. The number is part of the request, so nothing else has to store it.
///
/// Each attempt is three invocations in a chain, and Lambda ends a chain through SQS and SNS after about 16:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
pub const ATTEMPTS: u32 = 3;
/// Each pause is longer than the one before by this factor.
const GROWTH: u32 = 4;
/// The longest delay of a message in SQS.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html>
pub const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// What is done about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// The delivery is requested again after this pause.
    Again(DeliveryRequest, Duration),
    /// The delivery was requested as often as allowed.
    Exhausted,
    /// A repeated delivery would fail again: somebody has to change something first.
    Useless,
    /// There is no secret2eks to ask.
    Impossible,
    /// The handler repeats nothing.
    None,
}

/// What to do about `failure`, if the first pause is `first_delay`.
#[must_use]
pub fn remedy(failure: &Failure, first_delay: Duration) -> Remedy {
    let (Some(request), Area::Delivery) = (&failure.delivery, failure.area) else {
        return Remedy::None;
    };
    if !failure.kind.is_transient() {
        return Remedy::Useless;
    }
    if request.attempt >= ATTEMPTS {
        return Remedy::Exhausted;
    }
    let growth = GROWTH.saturating_pow(request.attempt.saturating_sub(1));
    let delay = first_delay.saturating_mul(growth).min(LONGEST_DELAY);
    Remedy::Again(DeliveryRequest { attempt: request.attempt.max(1) + 1, ..request.clone() }, delay)
}

impl Remedy {
    /// For people: what has been tried, or will be.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Again(request, delay) => format!(
                "Lambda repeated the delivery. The handler requests it again in {} s (attempt {} of {ATTEMPTS}).",
                delay.as_secs(),
                request.attempt
            ),
            Self::Exhausted => {
                format!("The delivery was requested {ATTEMPTS} times. The handler does not request it again.")
            }
            Self::Useless => "Nothing: the delivery will fail again until you fix the cause.".to_owned(),
            Self::Impossible => {
                "Nothing: the handler has no secret2eks to ask (SECRET2EKS_FUNCTION).".to_owned()
            }
            Self::None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::Kind;

    use super::*;
    use crate::message::Detail;

    const FIRST: Duration = Duration::from_secs(30);

    fn failed(kind: Kind, area: Area, attempt: u32) -> Failure {
        Failure {
            id: "1".to_owned(),
            area,
            subject: "arn".to_owned(),
            kind,
            occurred_at: jiff::Timestamp::UNIX_EPOCH,
            detail: Detail::default(),
            delivery: Some(DeliveryRequest {
                secret_arn: "arn".to_owned(),
                version_id: "v".to_owned(),
                attempt,
                tested: false,
                promoted_at: None,
            }),
            waited: false,
        }
    }

    fn pause(remedy: &Remedy) -> Option<(u32, u64)> {
        match remedy {
            Remedy::Again(request, delay) => Some((request.attempt, delay.as_secs())),
            _ => None,
        }
    }

    #[test]
    fn a_delivery_is_requested_three_times_with_growing_pauses() {
        let after = |attempt| remedy(&failed(Kind::DeliveryNotSynced, Area::Delivery, attempt), FIRST);
        assert_eq!(pause(&after(0)), Some((2, 30)));
        assert_eq!(pause(&after(1)), Some((2, 30)));
        assert_eq!(pause(&after(2)), Some((3, 120)));
        assert_eq!(after(3), Remedy::Exhausted);
        assert_eq!(after(u32::MAX), Remedy::Exhausted);
    }

    #[test]
    fn a_repeated_request_says_what_the_failed_one_said_of_the_test() {
        for tested in [false, true] {
            let mut failure = failed(Kind::DeliveryNotSynced, Area::Delivery, 1);
            failure.delivery.iter_mut().for_each(|request| request.tested = tested);
            let again = remedy(&failure, FIRST);
            assert!(matches!(again, Remedy::Again(request, _) if request.tested == tested), "{tested}");
        }
    }

    #[test]
    fn what_would_fail_again_is_not_repeated_and_a_rotation_never_is() {
        let tags = failed(Kind::DeliveryTagsInvalid, Area::Delivery, 1);
        assert_eq!(remedy(&tags, FIRST), Remedy::Useless);
        for kind in Kind::ALL {
            assert_eq!(remedy(&failed(*kind, Area::Rotation, 1), FIRST), Remedy::None, "{kind}");
        }
    }
}
