//! Whether an alert is sent. Invented failures must not fill the chat, and must not suppress other alerts.

use contract::{Area, Kind, Severity};
use jiff::Timestamp;

use crate::message::{Detail, Failure};
use crate::secret_store::Standing;

/// What happens to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent.
    Send,
    /// It is not sent. The incident is in the table, and one digest reports that alerts were withheld.
    Withhold,
    /// It is sent once it is known whether the secret exists.
    Wait,
}

/// Whether an alert is sent regardless of the budget: it is critical, or about a secret that exists, or about a function
/// or an alarm of the stack, or it is the digest. Alerts of the areas of access and of inspections have a budget also if the
/// secret exists.
#[must_use]
pub fn is_free(kind: Kind, area: Area, standing: &Standing) -> bool {
    kind.severity() == Severity::Critical
        // A notice may claim this kind, too, but not in the area of messages.
        || kind == Kind::AlertsWithheld && matches!(standing, Standing::NoSecret)
        // Somebody who reads all secrets makes an incident for each. So does one cause that all inspections find, such as the
        // certificate or the admin of a broker.
        || !matches!(area, Area::Access | Area::Inspection)
            && matches!(standing, Standing::Exists(_) | Standing::Own)
}

/// The name under which an alert is counted. Denied calls cost a thief nothing, so they do not use up the budget of reads.
/// Findings about secrets that do not exist do not use up the budget of those that exist.
#[must_use]
pub fn purse(kind: Kind, area: Area, standing: &Standing) -> &'static str {
    match (area, standing) {
        _ if kind == Kind::AccessDenied => kind.as_str(),
        (Area::Inspection, Standing::Exists(_)) => "inspection of a secret that exists",
        _ => area.as_str(),
    }
}

/// What happens to the alert number `spent` of an hour whose budget is `budget`.
#[must_use]
pub fn verdict(standing: &Standing, spent: u64, budget: u64) -> Verdict {
    match standing {
        _ if spent <= budget => Verdict::Send,
        Standing::Unclear(_) => Verdict::Wait,
        Standing::Exists(_) | Standing::Gone(_) | Standing::Own | Standing::NotOwn | Standing::NoSecret => {
            Verdict::Withhold
        }
    }
}

/// The hour of `now`, whose alerts are counted together.
#[must_use]
pub fn hour(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H").to_string()
}

/// The digest: one incident for each area and hour, regardless of how many alerts are withheld. It ends as every incident
/// of its area does: when no failure has been added to it for a day. After the hour, none is.
#[must_use]
pub fn digest(area: Area, budget: u64, now: Timestamp) -> Failure {
    let detail = Detail {
        message: format!(
            "More than {budget} alerts of the area {} were due within an hour. Until {}:00 UTC, an alert about {} is \
            sent only if it is critical",
            area.as_str(),
            now.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap_or(now).strftime("%H"),
            withheld(area),
        ),
        ..Detail::default()
    };
    Failure {
        id: format!("{} {}", area.as_str(), hour(now)),
        area: Area::Message,
        subject: format!(
            "alerts of {} at {}:00 UTC, {}",
            now.strftime("%Y-%m-%d"),
            now.strftime("%H"),
            area.as_str()
        ),
        kind: Kind::AlertsWithheld,
        occurred_at: now,
        detail,
        delivery: None,
        waited: false,
    }
}

/// The subjects of an area whose alerts have a budget.
fn withheld(area: Area) -> &'static str {
    match area {
        Area::Rotation | Area::Delivery | Area::Revocation | Area::Adoption | Area::Connections => {
            "a secret that Secrets Manager does not know"
        }
        Area::Inspection => "what an inspection of a secret has found",
        Area::Access => "a call for a secret",
        Area::Function => "a function whose name is not in OWN_NAMES",
        Area::Alarm => "an alarm whose name is not in OWN_NAMES",
        Area::Message => "a message that is not understood or not trusted",
    }
}

#[cfg(test)]
mod tests {
    use lambda_boundary::AwsError;

    use super::*;
    use crate::incident::{Effect, Record};
    use crate::secret_store::SecretFacts;

    fn refused(code: &str) -> AwsError {
        let (service, operation) = ("Secrets Manager", "DescribeSecret");
        AwsError::Refused { service, operation, code: code.to_owned(), message: String::new() }
    }

    #[test]
    fn a_critical_failure_and_that_of_a_secret_that_exists_or_of_the_stack_itself_are_sent_whatever_was_sent_before()
     {
        let exists = Standing::Exists(SecretFacts::default());
        let gone = Standing::Gone(refused("ResourceNotFoundException"));
        let unclear = Standing::Unclear(refused("ThrottlingException"));
        for kind in Kind::ALL {
            let free = |standing: &Standing| is_free(*kind, Area::Rotation, standing);
            assert!(free(&exists) && free(&Standing::Own), "{kind}");
            let is_critical = kind.severity() == Severity::Critical;
            for area in [Area::Access, Area::Inspection] {
                assert_eq!(is_free(*kind, area, &exists), is_critical, "{kind} {area:?}");
            }
            for standing in [&gone, &unclear, &Standing::NotOwn, &Standing::NoSecret] {
                let is_digest = *kind == Kind::AlertsWithheld && matches!(standing, Standing::NoSecret);
                let expected = kind.severity() == Severity::Critical || is_digest;
                assert_eq!(free(standing), expected, "{kind} {standing:?}");
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
            (&Standing::NotOwn, 6, Verdict::Withhold),
            (&Standing::NoSecret, 6, Verdict::Withhold),
            (&unclear, 5, Verdict::Send),
            (&unclear, 6, Verdict::Wait),
            // Only of the areas of access and of inspections: all others are free.
            (&Standing::Exists(SecretFacts::default()), 6, Verdict::Withhold),
        ] {
            assert_eq!(verdict(standing, spent, 5), expected, "{standing:?} {spent}");
        }
    }

    #[test]
    fn the_digest_of_one_area_and_hour_is_one_message_and_other_hours_and_areas_have_their_own() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default();
        let (first, second) = (digest(Area::Rotation, 5, at(0)), digest(Area::Rotation, 5, at(60)));
        assert_eq!((first.id, &first.subject), (second.id, &second.subject));
        assert_eq!(first.subject, "alerts of 2027-01-15 at 08:00 UTC, rotation");
        for other in [digest(Area::Alarm, 5, at(0)), digest(Area::Rotation, 5, at(3_600))] {
            assert_ne!(other.subject, first.subject);
        }
    }

    #[test]
    fn the_digest_of_an_hour_ends_a_day_after_it_without_an_alert() {
        let start = Timestamp::from_second(1_800_000_000).unwrap_or_default();
        let later = |hours| start.saturating_add(jiff::SignedDuration::from_hours(hours)).unwrap_or(start);
        let digest = digest(Area::Alarm, 5, start);
        let mut record = Record::new(digest.subject.clone(), digest.area);
        record.fail(&digest, start);
        assert_eq!(record.look(false, later(23)), Effect::Nothing);
        assert_eq!(record.look(false, later(24)), Effect::Closed);
        assert_eq!(record.unsent.last().map(|announcement| announcement.alert_due), Some(false));
    }

    #[test]
    fn denied_calls_do_not_use_up_the_budget_of_reads() {
        let exists = Standing::Exists(SecretFacts::default());
        let purse = |kind, area| purse(kind, area, &exists);
        assert_ne!(purse(Kind::AccessDenied, Area::Access), purse(Kind::AccessUnknownReader, Area::Access));
        assert_eq!(purse(Kind::AccessFromOutside, Area::Access), "access");
        assert_eq!(purse(Kind::VhostMissing, Area::Rotation), "rotation");
    }

    #[test]
    fn findings_about_invented_secrets_do_not_use_up_the_budget_of_those_that_exist() {
        let exists = Standing::Exists(SecretFacts::default());
        let gone = Standing::Gone(refused("ResourceNotFoundException"));
        let purse = |standing: &Standing| purse(Kind::BrokerCertificateEnds, Area::Inspection, standing);
        assert_ne!(purse(&exists), purse(&gone));
    }

    #[test]
    fn the_digest_says_what_its_area_is_about() {
        for (area, words) in [
            (Area::Delivery, "about a secret that Secrets Manager does not know"),
            (Area::Inspection, "about what an inspection of a secret has found"),
            (Area::Function, "about a function whose name"),
            (Area::Alarm, "about an alarm whose name"),
            (Area::Message, "about a message that is not understood"),
        ] {
            let message = digest(area, 5, Timestamp::UNIX_EPOCH).detail.message;
            assert!(message.contains(words) && message.contains("Until 01:00 UTC"), "{message}");
            assert_eq!(message.contains("secret"), area.is_about_secrets(), "{message}");
        }
    }
}
