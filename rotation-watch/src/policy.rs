//! What is out of order with a secret, decided on data.
//!
//! The age of a value is that of the version that is AWSCURRENT. `LastChangedDate` changes with every tag, and
//! `LastAccessedDate` with every rotation.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_SecretVersionsListEntry.html>

use contract::{Kind, Tags};
use jiff::{SignedDuration, Timestamp};

use crate::watched::Secret;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A rotation or delivery that is in progress for less than this is not out of order.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(1);
/// AWS accepts no longer schedule either.
const LONGEST_AGE_DAYS: i64 = 1_000;

/// One thing that is out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What is out of order.
    pub kind: Kind,
    /// Since when. For a secret that is only due: until when.
    pub at: Option<Timestamp>,
}

/// All that is out of order with `secret` at `now`. A secret that is overdue within `due_within` is due.
#[must_use]
pub fn judge(secret: &Secret, now: Timestamp, due_within: SignedDuration) -> Vec<Finding> {
    let mut findings = Vec::new();
    let limit = limit(secret);
    if let Some(end) = limit.end {
        let kind = match end {
            end if end <= now => Some(Kind::SecretOverdue),
            // For a secret that rotates by itself, the owner has nothing to do until the rotation is late.
            end if !secret.rotation_enabled && later(now, due_within) >= end => Some(Kind::SecretDue),
            _ => None,
        };
        findings.extend(kind.map(|kind| Finding { kind, at: Some(end) }));
    }
    let since = |at: Option<Timestamp>, limit: SignedDuration| at.filter(|at| later(*at, limit) <= now);
    if let Some(at) = secret.pending.as_ref().and_then(|pending| since(pending.created_at, DAY)) {
        findings.push(Finding { kind: Kind::RotationStuck, at: Some(at) });
    }
    if secret.rotation_enabled
        && secret.last_rotated.is_none()
        && let Some(at) = since(secret.created_at, DAY)
    {
        findings.push(Finding { kind: Kind::RotationNeverSucceeded, at: Some(at) });
    }
    // Only secrets that rotate have receipts. For the others, the reconcile of secret2eks compares the cluster itself.
    if let Some(current) = &secret.current
        && secret.rotation_enabled
        && secret.tags.is_routed()
        && secret.tags.delivered() != Some(current.id.as_str())
        && let Some(at) = since(current.created_at, UNDER_WAY)
    {
        findings.push(Finding { kind: Kind::DeliveryUndelivered, at: Some(at) });
    }
    if limit.is_unclear || (secret.tags.get(Tags::MAX_AGE_DAYS).is_some() && secret.owner().is_empty()) {
        findings.push(Finding { kind: Kind::SecretOwnerMissing, at: None });
    }
    findings
}

/// When the current value is too old, if that is known.
struct Limit {
    end: Option<Timestamp>,
    /// Somebody has set only a part of a policy.
    is_unclear: bool,
}

/// The tag decides. Without one, the schedule decides, with one more day for retries.
fn limit(secret: &Secret) -> Limit {
    let Some(days) = secret.tags.get(Tags::MAX_AGE_DAYS) else {
        let end = secret.next_rotation.filter(|_| secret.rotation_enabled).map(|next| later(next, DAY));
        let is_unclear = secret.tags.get(Tags::OWNER).is_some() && !secret.rotation_enabled;
        return Limit { end, is_unclear };
    };
    match days.trim().parse::<i64>() {
        Ok(days) if (1..=LONGEST_AGE_DAYS).contains(&days) => {
            let made = secret.current.as_ref().and_then(|current| current.created_at);
            let end = made.map(|made| later(made, SignedDuration::from_hours(24 * days)));
            Limit { end, is_unclear: false }
        }
        _ => Limit { end: None, is_unclear: true },
    }
}

fn later(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watched::Version;

    const NOW: i64 = 1_800_000_000;
    const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

    fn days_ago(days: i64) -> Option<Timestamp> {
        Timestamp::from_second(NOW - days * 86_400).ok()
    }

    fn secret(age_days: i64, tags: &[(&str, &str)]) -> Secret {
        Secret {
            arn: "arn:shop".to_owned(),
            name: "shop".to_owned(),
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            rotation_enabled: false,
            last_rotated: None,
            next_rotation: None,
            created_at: days_ago(400),
            current: Some(Version { id: "v2".to_owned(), created_at: days_ago(age_days) }),
            pending: None,
        }
    }

    fn kinds(secret: &Secret) -> Vec<Kind> {
        let now = Timestamp::from_second(NOW).unwrap_or_default();
        judge(secret, now, WEEK).iter().map(|finding| finding.kind).collect()
    }

    const OWNER: (&str, &str) = (Tags::OWNER, "payments");
    const AGE: (&str, &str) = (Tags::MAX_AGE_DAYS, "90");

    #[test]
    fn a_secret_that_people_rotate_is_due_before_it_is_overdue() {
        for (age, expected) in [
            (0, &[][..]),
            (82, &[][..]),
            (83, &[Kind::SecretDue][..]),
            (89, &[Kind::SecretDue][..]),
            (90, &[Kind::SecretOverdue][..]),
            (400, &[Kind::SecretOverdue][..]),
        ] {
            assert_eq!(kinds(&secret(age, &[AGE, OWNER])), expected, "{age} days");
        }
    }

    #[test]
    fn a_policy_that_is_incomplete_or_unreadable_is_reported() {
        let missing = [Kind::SecretOwnerMissing];
        assert_eq!(kinds(&secret(1, &[AGE])), missing);
        assert_eq!(kinds(&secret(1, &[AGE, (Tags::OWNER, "  ")])), missing);
        assert_eq!(kinds(&secret(1, &[OWNER])), missing);
        for days in ["", "ninety", "0", "-1", "1001", "9999999999999999999999"] {
            assert_eq!(kinds(&secret(1, &[(Tags::MAX_AGE_DAYS, days), OWNER])), missing, "{days}");
        }
        assert_eq!(kinds(&secret(1, &[])), []);
    }

    #[test]
    fn what_is_rotated_by_itself_is_overdue_a_day_after_its_date_and_never_due() {
        let rotated = |next: i64| Secret {
            rotation_enabled: true,
            last_rotated: days_ago(30),
            next_rotation: days_ago(next),
            ..secret(30, &[])
        };
        assert_eq!(kinds(&rotated(-1)), []);
        assert_eq!(kinds(&rotated(0)), []);
        assert_eq!(kinds(&rotated(1)), [Kind::SecretOverdue]);
        let by_tag =
            Secret { rotation_enabled: true, last_rotated: days_ago(88), ..secret(88, &[AGE, OWNER]) };
        assert_eq!(kinds(&by_tag), []);
    }

    #[test]
    fn a_rotation_that_is_stuck_or_never_succeeded_is_reported_after_a_day() {
        let pending = |days: i64| Secret {
            pending: Some(Version { id: "v3".to_owned(), created_at: days_ago(days) }),
            ..secret(1, &[])
        };
        assert_eq!(kinds(&pending(0)), []);
        assert_eq!(kinds(&pending(1)), [Kind::RotationStuck]);
        let never =
            |days: i64| Secret { rotation_enabled: true, created_at: days_ago(days), ..secret(days, &[]) };
        assert_eq!(kinds(&never(0)), []);
        assert_eq!(kinds(&never(1)), [Kind::RotationNeverSucceeded]);
    }

    #[test]
    fn a_routed_secret_whose_current_version_has_not_arrived_is_reported() {
        let routed = |delivered: &str, age: i64| Secret {
            rotation_enabled: true,
            last_rotated: days_ago(age),
            ..secret(age, &[(Tags::NAMESPACE, "shop"), (Tags::DELIVERED, delivered)])
        };
        assert_eq!(kinds(&routed("v2", 1)), []);
        assert_eq!(kinds(&routed("v1", 0)), [], "the delivery may be in progress");
        assert_eq!(kinds(&routed("v1", 1)), [Kind::DeliveryUndelivered]);
        let unrotated = Secret { rotation_enabled: false, last_rotated: None, ..routed("v1", 1) };
        assert_eq!(kinds(&unrotated), [], "it gets no receipt");
    }

    #[test]
    fn a_secret_without_a_value_or_a_date_is_not_guessed_about() {
        let empty = Secret { current: None, ..secret(400, &[AGE, OWNER]) };
        assert_eq!(kinds(&empty), []);
    }
}
