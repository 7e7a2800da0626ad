//! Whether an alert is sent: whoever can make failures up must neither fill the chat nor keep others out of it.

use contract::{Area, Kind, Severity};
use jiff::Timestamp;

use crate::message::{Detail, Failure};
use crate::secret_store::Standing;

/// What becomes of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent.
    Send,
    /// It is not sent; the incident stands in the table, and one digest says so.
    Withhold,
    /// It is sent once it is known whether the secret exists.
    Wait,
}

/// Whether an alert is sent whatever was sent before: it is critical, or of a secret that exists, or the digest.
#[must_use]
pub fn is_free(kind: Kind, standing: &Standing) -> bool {
    kind.severity() == Severity::Critical
        || kind == Kind::AlertsWithheld
        || matches!(standing, Standing::Exists(_))
}

/// What becomes of the alert number `spent` of an hour that has `budget`.
#[must_use]
pub fn verdict(standing: &Standing, spent: u64, budget: u64) -> Verdict {
    match standing {
        _ if spent <= budget => Verdict::Send,
        Standing::Unclear(_) => Verdict::Wait,
        Standing::Exists(_) | Standing::Gone(_) | Standing::NoSecret => Verdict::Withhold,
    }
}

/// The hour of `now`, whose alerts are counted together.
#[must_use]
pub fn hour(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H").to_string()
}

/// The digest: one incident a day, however much is withheld.
#[must_use]
pub fn digest(area: Area, budget: u64, now: Timestamp) -> Failure {
    let detail = Detail {
        message: format!(
            "More than {budget} alerts of the area {} were due within an hour. Until {}:00 UTC none is sent about a \
             secret that Secrets Manager does not know",
            area.as_str(),
            now.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap_or(now).strftime("%H"),
        ),
        ..Detail::default()
    };
    Failure {
        id: format!("{} {}", area.as_str(), hour(now)),
        area: Area::Message,
        subject: format!("alerts of {}", now.strftime("%Y-%m-%d")),
        kind: Kind::AlertsWithheld,
        occurred_at: now,
        detail,
        delivery: None,
        waited: false,
    }
}

#[cfg(test)]
mod tests {
    use lambda_boundary::AwsError;

    use super::*;
    use crate::secret_store::SecretFacts;

    fn refused(code: &str) -> AwsError {
        let (service, operation) = ("Secrets Manager", "DescribeSecret");
        AwsError::Refused { service, operation, code: code.to_owned(), message: String::new() }
    }

    #[test]
    fn a_critical_failure_and_that_of_a_secret_that_exists_are_sent_whatever_was_sent_before() {
        let exists = Standing::Exists(SecretFacts::default());
        let gone = Standing::Gone(refused("ResourceNotFoundException"));
        let unclear = Standing::Unclear(refused("ThrottlingException"));
        for kind in Kind::ALL {
            assert!(is_free(*kind, &exists), "{kind}");
            let expected = kind.severity() == Severity::Critical || *kind == Kind::AlertsWithheld;
            for standing in [&gone, &unclear, &Standing::NoSecret] {
                assert_eq!(is_free(*kind, standing), expected, "{kind} {standing:?}");
            }
        }
    }

    #[test]
    fn beyond_the_budget_what_may_be_invented_is_withheld_and_what_is_unclear_waits() {
        let gone = Standing::Gone(refused("ResourceNotFoundException"));
        let unclear = Standing::Unclear(refused("ThrottlingException"));
        for (standing, spent, expected) in [
            (&gone, 1, Verdict::Send),
            (&gone, 5, Verdict::Send),
            (&gone, 6, Verdict::Withhold),
            (&Standing::NoSecret, 6, Verdict::Withhold),
            (&unclear, 5, Verdict::Send),
            (&unclear, 6, Verdict::Wait),
        ] {
            assert_eq!(verdict(standing, spent, 5), expected, "{standing:?} {spent}");
        }
    }

    #[test]
    fn the_digest_of_one_day_is_one_incident_and_of_one_hour_one_message() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default();
        let (first, second) = (digest(Area::Rotation, 5, at(0)), digest(Area::Rotation, 5, at(60)));
        assert_eq!((first.id, &first.subject), (second.id, &second.subject));
        let other = digest(Area::Alarm, 5, at(0));
        assert_eq!(other.subject, first.subject);
        assert_ne!(digest(Area::Rotation, 5, at(86_400)).subject, first.subject);
    }
}
