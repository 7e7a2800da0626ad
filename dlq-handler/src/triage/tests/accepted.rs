//! From which queue, and about which function, a message is accepted.

use contract::{Area, Kind};
use serde_json::json;

use super::{DELIVERER, Outcome, SHAPES, fixture, line, read, read_from, received, sent_at};
use crate::message::Message;
use crate::triage::{Received, triage};
use crate::way::Way;

/// Messages that are a success or a command from the queue of their sender, and neither from another queue.
const CLAIMS: [(&str, Way, &str); 6] = [
    ("cloudtrail-rotation-succeeded", Way::Rule, "untrusted: a rotation succeeded, claims a success: true"),
    ("on-success", Way::Delivery, "untrusted: a delivery succeeded, claims a success: false"),
    ("on-success-reconcile", Way::Delivery, "untrusted: a reconcile succeeded, claims a success: false"),
    ("alarm-ok", Way::Topic, "untrusted: something succeeded, claims a success: false"),
    ("redelivery", Way::Own, "untrusted: command: deliver again, claims a success: false"),
    ("sweep", Way::Own, "untrusted: command: look at the open incidents, claims a success: false"),
];
const SEPARATE: [Way; 4] = [Way::Rule, Way::Own, Way::Delivery, Way::Topic];

#[test]
fn a_success_or_a_command_from_a_wrong_queue_is_an_incident_of_its_own_kind() -> Outcome {
    for (name, own, untrusted) in CLAIMS {
        let body = fixture(name)?;
        let envelope = json!({"Type": "Notification", "Message": body}).to_string();
        for way in SEPARATE {
            // A rule reports that an alarm was deleted.
            let believed = way == own || (name == "alarm-ok" && way == Way::Rule);
            let expected = if believed { line(&read(&body)) } else { untrusted.to_owned() };
            for body in [&body, &envelope] {
                assert_eq!(line(&read_from(way, body)), expected, "{name} by {way:?}");
            }
            if let Message::Untrusted { failure, .. } = read_from(way, &body) {
                assert_eq!((failure.kind, failure.area), (Kind::MessageUntrusted, Area::Message));
                let says_which = failure.detail.message.contains(way.as_str());
                assert!(says_which, "{}", failure.detail.message);
            }
        }
    }
    Ok(())
}

#[test]
fn a_failure_is_accepted_from_every_queue_because_it_can_only_notify() -> Outcome {
    for (name, expected) in SHAPES.iter().filter(|(_, expected)| expected.starts_with("failure")) {
        for way in SEPARATE {
            assert_eq!(line(&read_from(way, &fixture(name)?)), *expected, "{name} by {way:?}");
        }
    }
    Ok(())
}

#[test]
fn a_record_about_a_delivery_is_accepted_from_secret2eks_only() -> Outcome {
    for name in ["on-success", "on-failure-request", "on-failure-native-event"] {
        let body = fixture(name)?;
        let by = |deliverer: Option<&str>| line(&triage(Received { deliverer, ..received("m1") }, &body));
        let believed = by(Some(DELIVERER));
        assert_eq!(by(Some("rotation-secret2eks")), believed, "{name}, by its name");
        assert_eq!(by(None), believed, "{name}, where none is known");
        for other in ["secret2eks", "arn:aws:lambda:eu-central-1:123456789012:function:other", "other"] {
            let expected = "untrusted: another function delivers, claims a success: false";
            assert_eq!(by(Some(other)), expected, "{name} {other}");
        }
    }
    // rotation-watch reports nothing about a delivery.
    let watch = fixture("on-failure-without-answer")?;
    assert!(line(&read(&watch)).starts_with("failure function.crashed"));
    Ok(())
}

#[test]
fn only_a_reconcile_of_secret2eks_that_could_begin_is_the_subject_of_its_own_incident() -> Outcome {
    let body = fixture("on-failure-reconcile")?;
    for (kind, subject) in [
        ("delivery.take_back_withheld", "rotation-secret2eks reconcile"),
        ("configuration.invalid", "rotation-secret2eks"),
        ("event.invalid", "rotation-secret2eks"),
    ] {
        let message = read(&body.replace("delivery.timed_out", kind));
        assert!(
            line(&message).starts_with(&format!("failure {kind} of {subject} in function")),
            "{message:?}"
        );
    }
    for name in ["on-failure-reconcile", "on-success-reconcile"] {
        let by_another = Received { deliverer: Some("other"), ..received("m1") };
        let message = triage(by_another, &fixture(name)?);
        assert!(!line(&message).contains(" reconcile"), "{message:?}");
    }
    Ok(())
}

#[test]
fn a_message_that_waited_is_accepted_as_a_failure_and_never_as_a_success() -> Outcome {
    let waited = |name: &str| -> Result<String, Box<dyn std::error::Error>> {
        let wrapped = json!({"schema": "dlq-handler-waited/1", "body": fixture(name)?, "sentAt": "9998-01-01T00:00:00Z"});
        Ok(wrapped.to_string())
    };
    for (way, expected) in [(Way::Own, true), (Way::Topic, false), (Way::Rule, false)] {
        let Message::Failure(failure) = read_from(way, &waited("cloudtrail-rotation-failed")?) else {
            return Err(format!("no failure by {way:?}").into());
        };
        assert_eq!(failure.waited, expected, "{way:?}");
        assert!(failure.occurred_at <= sent_at());
    }
    for name in ["cloudtrail-rotation-succeeded", "on-success", "sweep", "redelivery"] {
        let Message::Failure(failure) = read_from(Way::Own, &waited(name)?) else {
            return Err(format!("{name} is believed").into());
        };
        assert_eq!(failure.kind, Kind::MessageUnknown, "{name}");
    }
    Ok(())
}
