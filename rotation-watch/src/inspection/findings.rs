//! What the answer about one secret means: what to report, and what to remember. Pure.

use contract::{Finding, Inspection, InspectionMemory, Kind};
use jiff::{SignedDuration, Timestamp};

use super::Answer;
use super::turn::time;

/// A secret that could not be inspected for this time is reported.
const UNINSPECTED: SignedDuration = SignedDuration::from_hours(48);

/// What follows from one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concluded {
    /// What is stored.
    pub memory: InspectionMemory,
    /// What is reported.
    pub told: Option<Told>,
    /// Whether the secret was really looked at.
    pub is_inspected: bool,
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The worst finding's kind.
    pub kind: Kind,
    /// Its message.
    pub message: String,
    /// The other findings, as `KIND: MESSAGE`.
    pub others: Vec<String>,
    /// The broker.
    pub broker: Option<String>,
    /// The user of AWSCURRENT.
    pub user: Option<String>,
}

/// What the answer about the secret `arn` means. None if it says nothing about the secret: `inspect` itself does not work, or
/// the secret was deleted.
#[must_use]
pub fn conclude(before: &InspectionMemory, arn: &str, answer: &Answer, now: Timestamp) -> Option<Concluded> {
    let (inspection, reason) = match answer {
        Ok(inspection) => (Some(inspection), unseen(inspection)),
        Err(error) if error.is_of_the_function() || error.kind() == Kind::SecretNotFound => return None,
        Err(error) => (None, Some(error.in_words())),
    };
    let findings: Vec<&Finding> = inspection
        .into_iter()
        .flat_map(|one| &one.findings)
        .filter(|one| !hides_the_rest(one.kind))
        .collect();
    let is_inspected = reason.is_none();
    let failing_since =
        (!is_inspected).then(|| before.failing_since.clone().unwrap_or_else(|| now.to_string()));
    let inspected_at = if is_inspected { Some(now.to_string()) } else { before.inspected_at.clone() };
    let found = inspection.and_then(|inspection| told(inspection, &findings));
    let told = found.or_else(|| {
        let since = time(inspected_at.as_deref().or(failing_since.as_deref()))?;
        let reason = reason.filter(|_| now.duration_since(since) >= UNINSPECTED)?;
        Some(uninspected(arn, since, &reason))
    });
    let kinds: Vec<String> = match inspection {
        Some(_) if is_inspected || !findings.is_empty() => {
            findings.iter().map(|finding| finding.kind.to_string()).collect()
        }
        // What was found before is not over.
        _ => before.findings.clone(),
    };
    let memory =
        InspectionMemory { secret_arn: arn.to_owned(), inspected_at, failing_since, findings: kinds };
    Some(Concluded { memory, told, is_inspected })
}

fn told(inspection: &Inspection, findings: &[&Finding]) -> Option<Told> {
    let (worst, others) = findings.split_first()?;
    let current = inspection.users.iter().find(|user| user.in_turn);
    Some(Told {
        kind: worst.kind,
        message: worst.message.clone(),
        others: others.iter().map(|other| format!("{}: {}", other.kind, other.message)).collect(),
        broker: inspection.broker.as_ref().map(|broker| broker.name.clone()),
        user: current.map(|user| user.name.clone()),
    })
}

fn uninspected(arn: &str, since: Timestamp, reason: &str) -> Told {
    Told {
        kind: Kind::SecretUninspected,
        message: format!("secret {arn} could not be inspected since {since}: {reason}"),
        others: Vec::new(),
        broker: None,
        user: None,
    }
}

/// Why the secret was not really looked at.
fn unseen(inspection: &Inspection) -> Option<String> {
    let hides = inspection.findings.iter().find(|finding| hides_the_rest(finding.kind))?;
    Some(format!("{}: {}", hides.kind, hides.message))
}

/// Whether the finding says only that the broker or AWS did not answer. That may be over in a minute. An alert for each secret
/// of a broker that restarts would be a flood.
fn hides_the_rest(kind: Kind) -> bool {
    kind.is_transient() && matches!(kind.group(), "broker" | "aws")
}

#[cfg(test)]
mod tests {
    use contract::{INSPECTION_SCHEMA, InspectedUser, Owner};
    use messages::InspectError;

    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3_600).unwrap_or_default()
    }

    fn answer(kinds: &[Kind]) -> Answer {
        let finding = |kind: &Kind| Finding {
            kind: *kind,
            severity: kind.severity(),
            message: format!("about {kind}"),
        };
        Ok(Inspection {
            schema: INSPECTION_SCHEMA.to_owned(),
            secret_arn: ARN.to_owned(),
            name: "rabbitmq/payment".to_owned(),
            inspected_at: String::new(),
            strategy: None,
            rotation_enabled: true,
            next_rotation: None,
            versions: Vec::new(),
            users: vec![InspectedUser {
                name: "payment".to_owned(),
                exists: Some(true),
                in_turn: true,
                owner: Owner::ThisSecret,
                tags: Vec::new(),
                connections: None,
                connection_limit: None,
            }],
            broker: None,
            connections: Vec::new(),
            connections_total: None,
            differences: Vec::new(),
            delivery: None,
            findings: kinds.iter().map(finding).collect(),
        })
    }

    fn failed(kind: Kind) -> Answer {
        Err(InspectError::Failed { kind, message: "no".to_owned() })
    }

    fn memory(inspected: Option<i64>, failing: Option<i64>, findings: &[Kind]) -> InspectionMemory {
        InspectionMemory {
            secret_arn: ARN.to_owned(),
            inspected_at: inspected.map(|hours| at(hours).to_string()),
            failing_since: failing.map(|hours| at(hours).to_string()),
            findings: findings.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_finding_is_reported_and_remembered_and_an_answer_of_the_broker_or_aws_is_a_failed_attempt() {
        use Kind::{BrokerUnreachable, CurrentLoginRefused, GrantsDiffer, SecretUninspected};
        let before = memory(Some(0), None, &[]);
        let open = memory(Some(0), None, &[GrantsDiffer]);
        for (before, answer, hours, told, after) in [
            (&before, answer(&[]), 24, None, memory(Some(24), None, &[])),
            (&open, answer(&[]), 24, None, memory(Some(24), None, &[])),
            (
                &before,
                answer(&[GrantsDiffer]),
                24,
                Some(GrantsDiffer),
                memory(Some(24), None, &[GrantsDiffer]),
            ),
            (
                &before,
                answer(&[CurrentLoginRefused, GrantsDiffer]),
                24,
                Some(CurrentLoginRefused),
                memory(Some(24), None, &[CurrentLoginRefused, GrantsDiffer]),
            ),
            (&before, answer(&[BrokerUnreachable]), 24, None, memory(Some(0), Some(24), &[])),
            // What was found before is not over.
            (&open, answer(&[BrokerUnreachable]), 24, None, memory(Some(0), Some(24), &[GrantsDiffer])),
            (
                &before,
                answer(&[GrantsDiffer, BrokerUnreachable]),
                24,
                Some(GrantsDiffer),
                memory(Some(0), Some(24), &[GrantsDiffer]),
            ),
            (&before, failed(Kind::AwsThrottled), 24, None, memory(Some(0), Some(24), &[])),
            (
                &before,
                failed(Kind::AwsThrottled),
                48,
                Some(SecretUninspected),
                memory(Some(0), Some(48), &[]),
            ),
            (&memory(None, Some(0), &[]), answer(&[BrokerUnreachable]), 47, None, memory(None, Some(0), &[])),
            (
                &memory(None, Some(0), &[]),
                answer(&[BrokerUnreachable]),
                48,
                Some(SecretUninspected),
                memory(None, Some(0), &[]),
            ),
            (&memory(Some(0), Some(24), &[]), answer(&[]), 50, None, memory(Some(50), None, &[])),
        ] {
            let concluded = conclude(before, ARN, &answer, at(hours));
            let found = concluded.as_ref().map(|one| (one.told.as_ref().map(|told| told.kind), &one.memory));
            assert_eq!(found, Some((told, &after)), "{before:?} {answer:?}");
        }
    }

    #[test]
    fn the_report_names_the_other_findings_and_the_user() {
        let concluded = conclude(
            &InspectionMemory::default(),
            ARN,
            &answer(&[Kind::CurrentLoginRefused, Kind::GrantsDiffer]),
            at(0),
        );
        let told = concluded.and_then(|concluded| concluded.told);
        assert_eq!(told.as_ref().and_then(|told| told.user.as_deref()), Some("payment"));
        assert_eq!(told.map(|told| told.others), Some(vec!["grants.differ: about grants.differ".to_owned()]));
    }

    #[test]
    fn a_deleted_secret_and_a_function_that_does_not_work_say_nothing_about_the_secret() {
        for kind in [Kind::SecretNotFound, Kind::ConfigurationInvalid, Kind::FunctionCrashed] {
            assert_eq!(conclude(&InspectionMemory::default(), ARN, &failed(kind), at(100)), None, "{kind}");
        }
    }
}
