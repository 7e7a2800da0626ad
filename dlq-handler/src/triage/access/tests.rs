use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::access::Access;
use crate::message::Message;
use crate::triage::{Received, triage};
use crate::way::Way;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn fixture(name: &str) -> std::io::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls");
    std::fs::read_to_string(folder.join(format!("{name}.json")))
}

fn read_from(way: Way, body: &str) -> Message {
    let sent_at = Timestamp::from_second(1_900_000_000).unwrap_or_default();
    triage(Received { id: "m1", sent_at, way, deliverer: None, waited: false, sender: None }, body)
}

/// What a call is, in one line.
fn line(message: &Message) -> String {
    let Message::Access(access) = message else { return format!("{message:?}") };
    let Access { at, operation, call, targets, who, from, is_denied, .. } = access.as_ref();
    let short = |text: &str| {
        text.replace(SECRET, "SECRET").replace(KEY, "KEY").replace("arn:aws:iam::123456789012:", "")
    };
    let targets: Vec<String> = targets.iter().map(|target| short(target)).collect();
    let denied = if *is_denied { " denied" } else { "" };
    let at = at.strftime("%H:%M:%S");
    format!(
        "{operation}{denied} {call:?} of {} by {} {} at {at}",
        targets.join(", "),
        short(&who.name),
        from.words()
    )
}

const FROM: &str = "from 198.51.100.7 at 08:00:04";

/// Every call, and what it is. None: it is no access that anybody would be notified of.
const CALLS: [(&str, Option<&str>); 31] = [
    (
        "read-by-role",
        Some(
            "GetSecretValue Read of SECRET by role/Developer from 10.0.4.7 at the endpoint vpce-0123456789abcdef0 at 08:00:04",
        ),
    ),
    (
        "read-by-person",
        Some(
            "GetSecretValue Read of rabbitmq/payment by role/aws-reserved/sso.amazonaws.com/eu-central-1/\
             AWSReservedSSO_DevAdmin_635426549a280cc6 (ada@example.com) FROM",
        ),
    ),
    (
        "read-by-user",
        Some(
            "GetSecretValue Read of arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment by user/batch FROM",
        ),
    ),
    ("read-in-console", Some("GetSecretValue Read of rabbitmq/payment by user/batch FROM")),
    ("read-by-root", Some("GetSecretValue Read of rabbitmq/payment by root FROM")),
    ("read-by-federated-user", Some("GetSecretValue Read of rabbitmq/payment by user/batch FROM")),
    (
        "read-by-service",
        Some("GetSecretValue Read of SECRET by kafka.amazonaws.com from kafka.amazonaws.com at 08:00:04"),
    ),
    (
        "read-by-another-account",
        Some("GetSecretValue Read of SECRET by AROAOTHERID00000001:eve of the account 999999999999 FROM"),
    ),
    (
        "read-through-cloudformation",
        Some("GetSecretValue Read of SECRET by role/Developer from cloudformation.amazonaws.com at 08:00:04"),
    ),
    ("read-denied", Some("GetSecretValue denied Read of rabbitmq/payment by role/Developer FROM")),
    ("read-not-found", None),
    ("batch-read", Some("BatchGetSecretValue Read of rabbitmq/payment, SECRET by role/Developer FROM")),
    ("batch-read-by-filter", None),
    ("policy-put", Some("PutResourcePolicy PutPolicy of SECRET by role/Developer FROM")),
    (
        "policy-deleted",
        Some("DeleteResourcePolicy Protection(ProtectionPolicyChanged) of SECRET by role/Developer FROM"),
    ),
    (
        "rotation-cancelled",
        Some("CancelRotateSecret Protection(ProtectionRotationOff) of SECRET by role/Developer FROM"),
    ),
    (
        "rotation-by-another-function",
        Some("RotateSecret Protection(ProtectionRotationOff) of SECRET by role/Developer FROM"),
    ),
    ("rotation-requested", None),
    (
        "secret-deleted",
        Some("DeleteSecret Protection(ProtectionSecretDeleted) of SECRET by role/Developer FROM"),
    ),
    ("key-of-secret-changed", Some("UpdateSecret OtherKey(\"alias/mine\") of SECRET by role/Developer FROM")),
    ("secret-updated", None),
    (
        "readers-tagged",
        Some("TagResource Protection(ProtectionPolicyChanged) of rabbitmq/payment by role/Developer FROM"),
    ),
    (
        "readers-untagged",
        Some("UntagResource Protection(ProtectionPolicyChanged) of rabbitmq/payment by role/Developer FROM"),
    ),
    ("team-tagged", None),
    ("put-denied", Some("PutSecretValue denied Other of rabbitmq/payment by role/Developer FROM")),
    ("put", None),
    ("key-disabled", Some("DisableKey Key of KEY by role/Developer FROM")),
    ("key-deletion-scheduled", Some("ScheduleKeyDeletion Key of KEY by role/Developer FROM")),
    ("key-policy-put", Some("PutKeyPolicy Key of KEY by root FROM")),
    ("key-grant-revoked", Some("RevokeGrant Key of KEY by role/Developer FROM")),
    ("key-described", None),
];

#[test]
fn every_call_is_understood_raw_and_in_an_envelope_of_sns() -> Outcome {
    for (name, expected) in CALLS {
        let body = fixture(name)?;
        let read = read_from(Way::Protection, &body);
        match expected {
            Some(expected) => assert_eq!(line(&read), expected.replace("FROM", FROM), "{name}"),
            None => assert!(!matches!(read, Message::Access(_)), "{name}: {read:?}"),
        }
        let envelope = json!({"Type": "Notification", "MessageId": "x", "TopicArn": "t", "Message": body});
        assert_eq!(read_from(Way::Protection, &envelope.to_string()), read, "{name} in an envelope");
    }
    Ok(())
}

#[test]
fn every_call_of_the_folder_is_in_the_table() -> Outcome {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        assert!(CALLS.iter().any(|(known, _)| *known == name), "{name}");
    }
    Ok(())
}

#[test]
fn a_call_that_two_rules_match_has_one_id() -> Outcome {
    let mut event: Value = serde_json::from_str(&fixture("read-by-role")?)?;
    let mut id = |rule: &str| {
        event["id"] = json!(rule);
        match read_from(Way::Reads, &event.to_string()) {
            Message::Access(access) => access.id,
            _ => String::new(),
        }
    };
    assert_eq!(id("one"), id("other"));
    assert_eq!(id("one"), "dfd6d93a-2ce6-4dbe-8939-86b8ba67c868");
    Ok(())
}

#[test]
fn a_call_is_accepted_from_the_queues_of_its_rules_and_from_their_dead_letter_queue() -> Outcome {
    let body = fixture("read-by-role")?;
    for way in [Way::Reads, Way::Protection, Way::Topic, Way::Any] {
        assert!(matches!(read_from(way, &body), Message::Access(_)), "{way:?}");
    }
    for way in [Way::Rule, Way::Own, Way::Delivery, Way::Close] {
        assert!(matches!(read_from(way, &body), Message::Untrusted { claim: None, .. }), "{way:?}");
    }
    Ok(())
}

#[test]
fn nothing_in_a_call_makes_a_key_that_the_table_does_not_take() -> Outcome {
    let long = "ö".repeat(10_000);
    for (pointer, text) in [
        ("/detail/requestParameters/secretId", long.as_str()),
        ("/detail/requestParameters/secretId", ""),
        ("/detail/eventID", long.as_str()),
        ("/detail/eventID", ""),
        ("/detail/userIdentity/sessionContext/sessionIssuer/arn", long.as_str()),
        ("/detail/eventName", long.as_str()),
        ("/detail/sourceIPAddress", long.as_str()),
    ] {
        let mut event: Value = serde_json::from_str(&fixture("read-by-role")?)?;
        *event.pointer_mut(pointer).ok_or("no such field")? = json!(text);
        let Message::Access(access) = read_from(Way::Reads, &event.to_string()) else { continue };
        for key in access.targets.iter().chain([&access.id, &access.who.name]) {
            assert!((1..=2_048).contains(&key.len()), "{pointer}: {} bytes", key.len());
        }
        assert!(access.operation.len() + access.from.address.len() < 300, "{pointer}");
    }
    Ok(())
}
