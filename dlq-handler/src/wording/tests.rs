use std::path::Path;

use contract::{Alert, Area, Kind, Severity};
use jiff::Timestamp;
use serde_json::json;

use super::{Places, Told, alert, event};
use crate::incident::{Record, What};
use crate::message::{Detail, Failure, Success};
use crate::secret_store::SecretFacts;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";

fn schema(name: &str) -> Result<jsonschema::Validator, Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/schemas").join(format!("{name}.json"));
    Ok(jsonschema::validator_for(&serde_json::from_slice(&std::fs::read(path)?)?)?)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
}

fn places() -> Places {
    Places {
        playbooks: "https://wiki/playbooks".to_owned(),
        secret2eks: Some("secret2eks".to_owned()),
        stack: Some("rotation".to_owned()),
    }
}

/// A record with all announcements of one failure of `kind`: opened, and closed.
fn record(kind: Kind, area: Area) -> Record {
    let mut record = Record::new(SECRET.to_owned(), area);
    let failure = Failure {
        id: "1".to_owned(),
        area,
        subject: SECRET.to_owned(),
        kind,
        occurred_at: at(0),
        detail: Detail {
            message: format!("setSecret failed ({kind}): failed to read the grants of broker user `payment`"),
            causes: vec!["the broker refuses the login of user `admin`".to_owned()],
            step: Some("setSecret".to_owned()),
            version: Some("0123456789abcdef0123456789abcdef".to_owned()),
            user: Some("payment_clone".to_owned()),
            function: Some("rotation-rotation-mq".to_owned()),
            request_id: Some("1111".to_owned()),
            ..Detail::default()
        },
        delivery: None,
        waited: false,
    };
    record.fail(&failure, at(0));
    let success =
        Success { id: "2".to_owned(), area, subject: SECRET.to_owned(), at: at(60), of_test: false };
    record.succeed(&success, at(60));
    record
}

fn alerts(kind: Kind, area: Area) -> Vec<Alert> {
    let record = record(kind, area);
    let facts = SecretFacts {
        last_rotated: Some(at(-90_000)),
        next_rotation: Some(at(7_200)),
        ..SecretFacts::default()
    };
    let told = record.unsent.iter().map(|announcement| {
        alert(Told { announcement, subject: SECRET, area, facts: Some(&facts) }, &places())
    });
    told.collect()
}

#[test]
fn the_alert_of_every_kind_in_every_area_follows_its_schema_and_says_what_to_do() -> Outcome {
    let schema = schema("alert")?;
    for kind in Kind::ALL {
        for area in Area::ALL {
            for alert in alerts(*kind, *area) {
                let value = serde_json::to_value(&alert)?;
                let wrong: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
                assert!(wrong.is_empty(), "{value}: {wrong:?}");
                if value["metadata"]["eventType"] == "incident.opened" {
                    let playbook = format!("https://wiki/playbooks/{}", kind.playbook());
                    assert!(alert.mail().contains(&playbook), "{}", alert.mail());
                    assert!(alert.mail().contains("What it means now"), "{}", alert.mail());
                    let critical = kind.severity() == Severity::Critical;
                    assert_eq!(alert.title().starts_with("CRITICAL: "), critical, "{kind}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_event_of_every_kind_in_every_area_follows_its_schema() -> Outcome {
    let schema = schema("incident-event")?;
    for kind in Kind::ALL {
        for area in Area::ALL {
            for announcement in &record(*kind, *area).unsent {
                let told = Told { announcement, subject: SECRET, area: *area, facts: None };
                let event = serde_json::to_value(event(told))?;
                assert!(schema.is_valid(&event), "{event}");
                let closed = announcement.what == What::Closed;
                assert_eq!(event["closedAt"].is_string(), closed, "{event}");
                assert_eq!(event["state"], if closed { "closed" } else { "open" });
            }
        }
    }
    Ok(())
}

#[test]
fn an_alert_reads_as_a_letter() {
    let mails: Vec<String> =
        alerts(Kind::AdminLoginRefused, Area::Rotation).iter().map(Alert::mail).collect();
    let expected = "\
rabbitmq/payment: rotation fails (admin.login_refused)

What happened:
  setSecret failed (admin.login_refused): failed to read the grants of broker user 'payment'.
  Cause: the broker refuses the login of user 'admin'

Affected:
  arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf
  step: setSecret
  broker user: payment_clone
  version: 0123456789abcdef0123456789abcdef
  function: rotation-rotation-mq
  request: 1111

Since:
  2027-01-15 08:00:00 UTC (one failure).

What it means now:
  Nothing is broken yet. The delivered credentials (AWSCURRENT) keep working, but they get older. The last rotation was on 2027-01-14 07:00:00 UTC. The next rotation is scheduled for 2027-01-15 10:00:00 UTC at the latest.

What was tried:
  Secrets Manager repeats the rotation within its rotation window. It will fail again until you fix the cause.

Playbook:
  https://wiki/playbooks/rotation-failing.md#admin.login_refused

What to do
  1. Follow the playbook: https://wiki/playbooks/rotation-failing.md#admin.login_refused
     In a terminal: secops --stack rotation explain admin.login_refused
  2. Look at the secret, its users and its broker:
     secops --stack rotation inspect arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf
  3. After you have fixed the cause, rotate, and watch each step:
     secops --stack rotation rotate arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf --follow
  4. Read the log of the failed invocation:
     aws logs filter-log-events --log-group-name /aws/lambda/rotation-rotation-mq --filter-pattern '\"1111\"' --query 'events[].message' --output text
  5. Without secops, check whether a rotation is in progress. If it is, a version has AWSPENDING and not AWSCURRENT:
     aws secretsmanager describe-secret --secret-id arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf --query '[RotationEnabled, VersionIdsToStages]'
  6. Then rotate without secops. If the answer is \"a previous rotation isn't complete\", Secrets Manager still repeats the failed rotation, which then finishes by itself.
     aws secretsmanager rotate-secret --secret-id arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf
  7. You get one more message when a rotation has succeeded.
";
    assert_eq!(mails.first().map(String::as_str), Some(expected));
    let closed = mails.get(1).map(String::as_str).unwrap_or_default();
    assert!(closed.starts_with("rabbitmq/payment: rotation works again\n"), "{closed}");
    assert!(
        closed.contains("A rotation succeeded. The incident of kind admin.login_refused is closed."),
        "{closed}"
    );
    assert!(
        closed.contains("2027-01-15 08:00:00 UTC until 2027-01-15 08:01:00 UTC (one failure)."),
        "{closed}"
    );
}

#[test]
fn an_alert_is_complete_also_if_the_secret_could_not_be_described() {
    let record = record(Kind::BrokerUnreachable, Area::Rotation);
    let facts = None;
    let Some(announcement) = record.unsent.first() else { panic!("nothing to announce") };
    let mail = alert(Told { announcement, subject: SECRET, area: Area::Rotation, facts }, &places()).mail();
    assert!(mail.contains("but they get older.\n"), "{mail}");
}

#[test]
fn what_is_no_secret_has_no_related_resource() -> Outcome {
    let record = record(Kind::AlarmRaised, Area::Alarm);
    let announcement = record.unsent.first().ok_or("nothing to announce")?;
    let told = Told { announcement, subject: "rotation-queue-age", area: Area::Alarm, facts: None };
    let alert = json!(alert(told, &places()));
    assert_eq!(alert["metadata"]["relatedResources"], json!([]));
    assert_eq!(alert["content"]["title"], "rotation-queue-age: alarm (alarm.raised)");
    Ok(())
}

#[test]
fn the_alert_about_a_refused_event_names_the_secret_of_the_event_and_says_that_nothing_was_changed() -> Outcome
{
    for kind in [Kind::EventInvalid, Kind::SecretNotFound] {
        refused_event_of(kind)?;
    }
    Ok(())
}

fn refused_event_of(kind: Kind) -> Outcome {
    let (function, area) = ("rotation-rotation-mq", Area::Function);
    let mut record = record(kind, area);
    let incident = &mut record.unsent.first_mut().ok_or("nothing to announce")?.incident;
    incident.detail.secret = Some(SECRET.to_owned());
    let announcement = record.unsent.first().ok_or("nothing to announce")?;
    let alert = alert(Told { announcement, subject: function, area, facts: None }, &places());
    let title = format!("rotation-rotation-mq: the function refused an event ({kind})");
    assert_eq!(alert.title(), title);
    let mail = alert.mail();
    assert!(mail.contains(&format!("secret in the event: {SECRET}")), "{mail}");
    assert!(mail.contains("Nothing was changed") && !mail.contains("does nothing for any secret"), "{mail}");
    Ok(())
}

#[test]
fn the_alert_about_a_missing_answer_to_cloudformation_says_that_a_stack_waits() -> Outcome {
    for step in ["createUser", "updateUser", "deleteUser"] {
        let mut record = record(Kind::AwsUnreachable, Area::Function);
        let incident = &mut record.unsent.first_mut().ok_or("nothing to announce")?.incident;
        incident.detail.step = Some(step.to_owned());
        let announcement = record.unsent.first().ok_or("nothing to announce")?;
        let (subject, area) = ("rotation-broker-user", Area::Function);
        let mail = alert(Told { announcement, subject, area, facts: None }, &places()).mail();
        assert!(mail.contains("CloudFormation got no answer"), "{mail}");
        assert!(!mail.contains("does nothing for any secret"), "{mail}");
    }
    Ok(())
}

#[test]
fn the_alert_about_a_reconcile_says_that_deliveries_continue_and_what_closes_it() -> Outcome {
    let record = record(Kind::DeliveryTimedOut, Area::Function);
    let mails: Vec<String> = record
        .unsent
        .iter()
        .map(|announcement| {
            let (subject, area) = ("rotation-secret2eks reconcile", Area::Function);
            alert(Told { announcement, subject, area, facts: None }, &places()).mail()
        })
        .collect();
    let [opened, closed] = mails.as_slice() else { return Err(format!("{mails:?}").into()) };
    assert!(opened.starts_with("rotation-secret2eks reconcile: comparing all secrets fails"), "{opened}");
    assert!(opened.contains("Deliveries of new versions continue"), "{opened}");
    assert!(
        opened.contains("The next reconcile") && !opened.contains("does nothing for any secret"),
        "{opened}"
    );
    assert!(
        closed.contains("A reconcile succeeded. The incident of kind delivery.timed_out is closed."),
        "{closed}"
    );
    Ok(())
}

#[test]
fn an_alert_names_the_commands_of_secops_before_those_of_the_aws_cli() {
    for (kind, area, command) in [
        (Kind::BrokerUnreachable, Area::Rotation, "secops --stack rotation rotate arn:"),
        (Kind::DeliveryNotSynced, Area::Delivery, "secops --stack rotation deliver arn:"),
        (Kind::RevokeStillWorks, Area::Revocation, "secops --stack rotation revoke arn:"),
        (Kind::AdoptRefused, Area::Adoption, "secops --stack rotation adopt arn:"),
        (Kind::ConnectionsOutlived, Area::Connections, "secops --stack rotation inspect arn:"),
        (Kind::FunctionCrashed, Area::Function, "secops --stack rotation doctor"),
        (Kind::AlarmRaised, Area::Alarm, "secops --stack rotation doctor"),
        (Kind::DeliveryHeldBack, Area::Delivery, "secops --stack rotation rollback arn:"),
        (Kind::GrantsDiffer, Area::Inspection, "secops --stack rotation inspect arn:"),
        (Kind::AccessUnknownReader, Area::Access, "secops --stack rotation incidents close arn:"),
    ] {
        let mail = alerts(kind, area).first().map(Alert::mail).unwrap_or_default();
        let at = mail.find(command);
        assert!(at.is_some(), "{area:?}: {mail}");
        assert!(mail.find("     aws ").is_none_or(|cli| at < Some(cli)), "{area:?}: {mail}");
        assert!(mail.contains(&format!("secops --stack rotation explain {kind}\n")), "{mail}");
    }
}
