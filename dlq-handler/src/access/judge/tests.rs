use contract::{Kind, Tags};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Facts, judge};
use crate::access::{Access, Call, Lists, Origin, Pattern, Principal};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
}

fn role(name: &str) -> Principal {
    let arn = format!("arn:aws:iam::123456789012:role/{name}");
    Principal::read(&json!({"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": arn}}}))
}

fn call(call: Call, who: Principal) -> Access {
    Access {
        id: "1".to_owned(),
        at: at(0),
        operation: "Operation".to_owned(),
        call,
        targets: vec![ARN.to_owned()],
        who,
        from: Origin { address: "198.51.100.7".to_owned(), ..Origin::default() },
        is_denied: false,
    }
}

fn facts() -> Facts {
    let readers = (Tags::READERS.to_owned(), "payment batch".to_owned());
    Facts { arn: Some(ARN.to_owned()), tags: Tags::from_iter([readers]), created: Some(at(-86_400)) }
}

fn lists() -> Lists {
    let pattern = |name: &str| vec![Pattern::new(&format!("arn:aws:iam::123456789012:role/{name}"))];
    Lists {
        readers: Some(pattern("store-*")),
        administrators: pattern("pipeline"),
        key: Some(KEY.to_owned()),
        ..Lists::default()
    }
}

fn kind(access: &Access, lists: &Lists) -> Option<Kind> {
    judge(access, &facts(), lists).map(|(kind, _)| kind)
}

#[test]
fn a_read_is_allowed_to_the_readers_of_the_stack_and_to_those_in_the_tag_of_the_secret() {
    for (who, expected) in [
        ("store-shop", None),
        ("payment", None),
        ("batch", None),
        ("pay", Some(Kind::AccessUnknownReader)),
        // Who administers a secret need not know its value.
        ("pipeline", Some(Kind::AccessUnknownReader)),
    ] {
        assert_eq!(kind(&call(Call::Read, role(who)), &lists()), expected, "{who}");
    }
    let unwatched = Lists { readers: None, ..lists() };
    assert_eq!(kind(&call(Call::Read, role("pay")), &unwatched), None);
    let without_tag = Facts::default();
    let found = judge(&call(Call::Read, role("payment")), &without_tag, &lists());
    assert_eq!(found.map(|(kind, _)| kind), Some(Kind::AccessUnknownReader), "it could not be described");
}

#[test]
fn principals_without_a_session_are_judged_too() {
    let user =
        |name: &str| json!({"type": "IAMUser", "arn": format!("arn:aws:iam::123456789012:user/{name}")});
    let root = json!({"type": "Root", "arn": "arn:aws:iam::123456789012:root"});
    let other = json!({"type": "AWSAccount", "accountId": "999999999999", "principalId": "AROA2:eve"});
    let service = json!({"type": "AWSService", "invokedBy": "kafka.amazonaws.com"});
    let unknown = Some(Kind::AccessUnknownReader);
    for (identity, expected) in
        [(user("batch"), None), (user("eve"), unknown), (root, unknown), (other, unknown), (service, unknown)]
    {
        let access = call(Call::Read, Principal::read(&identity));
        assert_eq!(kind(&access, &lists()), expected, "{identity}");
    }
}

#[test]
fn a_denied_call_is_reported_unless_the_principal_is_on_the_list() {
    let denied = |what: Call, who: &str| Access { is_denied: true, ..call(what, role(who)) };
    for (access, expected) in [
        (denied(Call::Read, "eve"), Some(Kind::AccessDenied)),
        (denied(Call::Read, "payment"), None),
        (denied(Call::Read, "store-shop"), None),
        (denied(Call::Other, "eve"), Some(Kind::AccessDenied)),
        (denied(Call::Other, "pipeline"), None),
        (denied(Call::Protection(Kind::ProtectionSecretDeleted), "eve"), Some(Kind::AccessDenied)),
        (call(Call::Other, role("eve")), None),
    ] {
        assert_eq!(kind(&access, &lists()), expected, "{access:?}");
    }
}

#[test]
fn a_read_from_another_place_is_reported_if_places_are_declared() {
    let places = Lists { networks: "203.0.113.0/24".parse().into_iter().collect(), ..lists() };
    let reader = call(Call::Read, role("store-shop"));
    assert_eq!(kind(&reader, &lists()), None, "no places are declared");
    assert_eq!(kind(&reader, &places), Some(Kind::AccessFromOutside));
    let inside = Origin { address: "203.0.113.7".to_owned(), ..Origin::default() };
    assert_eq!(kind(&Access { from: inside, ..reader.clone() }, &places), None);
    let only_places = Lists { readers: None, ..places.clone() };
    assert_eq!(kind(&call(Call::Read, role("eve")), &only_places), Some(Kind::AccessFromOutside));
    let (kind, message) = judge(&call(Call::Read, role("eve")), &facts(), &places)
        .unwrap_or((Kind::AccessDenied, String::new()));
    assert_eq!(kind, Kind::AccessUnknownReader);
    assert!(
        message.contains("role/eve called Operation from 198.51.100.7. This place is not on"),
        "{message}"
    );
}

#[test]
fn a_change_of_the_protection_is_reported_unless_an_administrator_makes_it() {
    for changed in [
        Kind::ProtectionPolicyChanged,
        Kind::ProtectionRotationOff,
        Kind::ProtectionSecretDeleted,
        Kind::ProtectionKeyChanged,
    ] {
        assert_eq!(kind(&call(Call::Protection(changed), role("store-shop")), &lists()), Some(changed));
        assert_eq!(kind(&call(Call::Protection(changed), role("pipeline")), &lists()), None, "{changed}");
    }
    assert_eq!(kind(&call(Call::Key, role("eve")), &lists()), Some(Kind::ProtectionKeyChanged));
    assert_eq!(kind(&call(Call::Key, role("pipeline")), &lists()), None);
}

#[test]
fn the_policy_of_a_new_secret_protects_it() {
    let put = call(Call::PutPolicy, role("developer"));
    for (age, expected) in [(60, None), (900, None), (901, Some(Kind::ProtectionPolicyChanged))] {
        let created = put.at.saturating_sub(SignedDuration::from_secs(age)).ok();
        let found = judge(&put, &Facts { created, ..facts() }, &lists());
        assert_eq!(found.map(|(kind, _)| kind), expected, "{age}");
    }
    let found = judge(&put, &Facts { created: None, ..facts() }, &lists());
    assert_eq!(found.map(|(kind, _)| kind), Some(Kind::ProtectionPolicyChanged), "its age is not known");
}

#[test]
fn a_secret_may_be_given_the_key_of_the_stack_and_no_other() {
    let default = Lists { key: None, ..lists() };
    let changed = Some(Kind::ProtectionKeyChanged);
    for (named, lists, expected) in [
        (KEY, &lists(), None),
        ("1234abcd-12ab-34cd-56ef-1234567890ab", &lists(), None),
        ("alias/aws/secretsmanager", &lists(), changed),
        ("alias/mine", &lists(), changed),
        ("alias/aws/secretsmanager", &default, None),
        ("arn:aws:kms:eu-central-1:123456789012:alias/aws/secretsmanager", &default, None),
        (KEY, &default, changed),
    ] {
        let access = call(Call::OtherKey(named.to_owned()), role("developer"));
        assert_eq!(kind(&access, lists), expected, "{named}");
    }
}
