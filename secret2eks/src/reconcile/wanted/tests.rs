use std::collections::BTreeMap;

use contract::Tags;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use serde_json::json;

use super::*;
use crate::external_secret::desired;

const PREFIX: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/";

fn config() -> Config {
    Config {
        cluster: "production".to_owned(),
        sync_timeout: std::time::Duration::from_secs(60),
        write_receipt: true,
        rotation_tag_key: "rotation-mq".to_owned(),
        secrets_arn_prefix: PREFIX.to_owned(),
        take_back_limit: 100,
        function: None,
        inspect: None,
        call_timeout: std::time::Duration::from_secs(8),
    }
}

fn arn(name: &str) -> String {
    format!("{PREFIX}{name}-AbCdEf")
}

/// A secret that goes to `NAMESPACE/NAME`, with more tags.
fn secret(name: &str, place: &str, more: &[(&str, &str)]) -> Description {
    let (namespace, object) = place.split_once('/').unwrap_or((place, ""));
    let mut tags = vec![(Tags::NAMESPACE, namespace), (Tags::NAME, object), (Tags::STORE, "SecretStore/aws")];
    tags.retain(|(key, value)| !value.is_empty() && more.iter().all(|(other, _)| other != key));
    tags.extend(more);
    Description {
        arn: arn(name),
        current: Some("v2".to_owned()),
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        primary_region: None,
        rotation_enabled: false,
    }
}

/// The object that a delivery of `secret` leaves in the cluster.
fn object(secret: &Description, version: &str) -> Value {
    let Ok(Routing::To(route)) = route(&secret.tags) else { return Value::Null };
    let wanted = Wanted { route: &route, arn: &secret.arn, version, receipt: None, unchecked: false };
    let mut object = desired(wanted, None);
    object["metadata"]["generation"] = json!(1);
    object["metadata"]["managedFields"] = json!([{"manager": "secret2eks", "operation": "Apply", "time": "2026-11-25T03:00:10Z", "fieldsV1": {"f:spec": {}}}]);
    object["status"] = json!({
        "refreshTime": "2026-11-25T03:00:10Z", "syncedResourceVersion": "1-abc",
        "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "synced"}],
    });
    object
}

fn wants(secrets: &[Description]) -> Wants {
    let mut wants = Wants::default();
    for secret in secrets {
        wants.add(secret.clone(), &config());
    }
    wants
}

fn requested(wants: &Wants) -> Vec<String> {
    wants.requests(&BTreeMap::new()).into_iter().map(|request| request.secret_arn).collect()
}

#[test]
fn what_is_missing_old_or_changed_is_delivered_and_what_is_right_is_left() {
    let secret = secret("payment", "shop/payment", &[]);
    let right = object(&secret, "v2");
    let mut edited = right.clone();
    edited["spec"]["data"] = json!([]);
    let mut failing = right.clone();
    failing["status"]["conditions"][0]["status"] = json!("False");
    let mut leaving = right.clone();
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-25T03:00:12Z");
    let nothing: Vec<String> = Vec::new();
    for (there, expected) in [
        (None, vec![secret.arn.clone()]),
        (Some(right), nothing.clone()),
        (Some(object(&secret, "v1")), vec![secret.arn.clone()]),
        (Some(edited), vec![secret.arn.clone()]),
        (Some(leaving), vec![secret.arn.clone()]),
        (Some(failing), nothing),
    ] {
        let mut wants = wants(std::slice::from_ref(&secret));
        if let Some(there) = &there {
            assert_eq!(wants.compare(there, &config()), None);
        }
        assert_eq!(requested(&wants), expected, "{there:?}");
    }
}

#[test]
fn objects_that_are_not_ready_are_counted_and_not_delivered_again() {
    let secrets = [secret("one", "shop/one", &[]), secret("two", "shop/two", &[])];
    for (failing, expected) in [(0, 0), (1, 1), (2, 2)] {
        let mut wants = wants(&secrets);
        for (number, secret) in secrets.iter().enumerate() {
            let mut object = object(secret, "v2");
            if number < failing {
                object["status"]["conditions"][0]["status"] = json!("False");
            }
            wants.compare(&object, &config());
        }
        assert_eq!((wants.not_ready(), requested(&wants).len()), (expected, 0));
    }
}

#[test]
fn a_missing_receipt_is_a_reason_to_deliver_only_if_a_rotation_needs_it() {
    let rotated = [("rotation-mq", "rotate")];
    let received = [("rotation-mq", "rotate"), (Tags::DELIVERED, "v2")];
    let outdated = [("rotation-mq", "rotate"), (Tags::DELIVERED, "v1")];
    for (tags, expected) in [(&[][..], 0), (&rotated[..], 1), (&received[..], 0), (&outdated[..], 1)] {
        let secret = secret("payment", "shop/payment", tags);
        let mut wants = wants(std::slice::from_ref(&secret));
        wants.compare(&object(&secret, "v2"), &config());
        assert_eq!(requested(&wants).len(), expected, "{tags:?}");
    }
}

#[test]
fn an_object_of_ours_that_no_secret_wants_there_is_a_candidate_and_every_other_is_not() {
    let (moved, gone) = (secret("payment", "shop/payment", &[]), secret("gone", "shop/gone", &[]));
    let now = secret("payment", "store/payment", &[]);
    let mut wants = wants(std::slice::from_ref(&now));
    for (left, name) in [(&moved, "payment"), (&gone, "gone")] {
        let expected =
            Delivered { namespace: "shop".to_owned(), name: name.to_owned(), arn: left.arn.clone() };
        assert_eq!(wants.compare(&object(left, "v2"), &config()), Some(expected));
    }
    let mut foreign = object(&gone, "v2");
    foreign["metadata"]["managedFields"] = json!([]);
    assert_eq!(wants.compare(&foreign, &config()), None);
    assert_eq!(wants.compare(&json!({}), &config()), None);
}

#[test]
fn a_copy_at_the_place_of_another_secret_is_a_candidate_and_the_other_secret_is_delivered() {
    let (former, new) = (secret("former", "shop/payment", &[]), secret("new", "shop/payment", &[]));
    let mut wants = wants(std::slice::from_ref(&new));
    let candidate = wants.compare(&object(&former, "v2"), &config());
    assert_eq!(candidate.map(|candidate| candidate.arn), Some(former.arn));
    assert_eq!(requested(&wants), [new.arn]);
}

#[test]
fn secrets_that_are_not_for_this_cluster_are_not_wanted() {
    let mut valueless = secret("empty", "shop/empty", &[]);
    valueless.current = None;
    let mut other_stack = secret("other", "shop/other", &[]);
    other_stack.arn = other_stack.arn.replace("rabbitmq/", "other/");
    let elsewhere = secret("elsewhere", "shop/elsewhere", &[(Tags::CLUSTER, "test")]);
    let wants = wants(&[valueless, other_stack, elsewhere]);
    assert!(wants.is_empty() && requested(&wants).is_empty());
}

#[test]
fn wrong_tags_and_a_second_secret_for_a_place_are_delivered_so_that_the_failure_is_reported() {
    let wrong = secret("wrong", "shop/wrong", &[(Tags::STORE, "aws")]);
    let (first, second) = (secret("first", "shop/same", &[]), secret("second", "shop/same", &[]));
    let mut wants = wants(&[wrong.clone(), first.clone(), second.clone()]);
    assert_eq!(wants.compare(&object(&first, "v2"), &config()), None);
    assert_eq!(requested(&wants), [wrong.arn, second.arn]);
}

#[test]
fn what_is_in_the_namespace_of_another_tenant_is_a_candidate_and_its_delivery_fails_visibly() {
    let acme = secret("payment", "shop/payment", &[(Tags::TENANT, "acme")]);
    let none = secret("plain", "shop/plain", &[]);
    // A secret without a tenant keeps its object, and its delivery fails as well.
    for (label, strangers, failing) in
        [(Some("acme"), vec![], 1), (Some("rival"), vec!["payment"], 2), (None, vec!["payment"], 1)]
    {
        let mut wants = wants(&[acme.clone(), none.clone()]);
        for secret in [&acme, &none] {
            assert_eq!(wants.compare(&object(secret, "v2"), &config()), None);
        }
        assert_eq!(wants.namespaces().into_iter().collect::<Vec<_>>(), ["shop"]);
        let tenants = BTreeMap::from([("shop".to_owned(), label.map(str::to_owned))]);
        let names =
            |objects: Vec<Delivered>| objects.into_iter().map(|object| object.name).collect::<Vec<_>>();
        assert_eq!(names(wants.strangers(&tenants)), strangers, "{label:?}");
        assert_eq!(wants.requests(&tenants).len(), failing, "{label:?}");
    }
    // A namespace whose label could not be read decides nothing.
    let mut wants = wants(std::slice::from_ref(&acme));
    wants.compare(&object(&acme, "v2"), &config());
    assert!(wants.strangers(&BTreeMap::new()).is_empty());
}

#[test]
fn an_object_of_gitops_is_never_a_candidate() {
    let secret = secret("gitops", "shop/gitops", &[(Tags::MODE, "refresh")]);
    let mut object = object(&secret, "v2");
    object["metadata"]["name"] = json!("gitops");
    object["metadata"]["namespace"] = json!("shop");
    object["metadata"]["managedFields"] = json!([
        {"manager": "argocd", "operation": "Apply"},
        {"manager": "secret2eks", "operation": "Update", "time": "2026-11-25T03:00:10Z"},
    ]);
    assert_eq!(Wants::default().compare(&object, &config()), None);
    let mut wants = wants(std::slice::from_ref(&secret));
    assert_eq!(wants.compare(&object, &config()), None);
    let rival = BTreeMap::from([("shop".to_owned(), Some("rival".to_owned()))]);
    assert!(wants.strangers(&rival).is_empty());
}

/// Secrets that go to some of a few places.
fn some_secrets() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec((0..6_u8, 0..4_u8), 0..12)
}

proptest! {
    #[test]
    fn a_second_run_after_all_was_delivered_and_taken_back_finds_nothing_to_do(
        wanted in some_secrets(), there in some_secrets(),
    ) {
        let make = |(number, place): &(u8, u8)| secret(&format!("s{number}"), &format!("n{place}/x"), &[]);
        let (mut secrets, mut places): (Vec<Description>, Vec<u8>) = (Vec::new(), Vec::new());
        for pair in &wanted {
            if !places.contains(&pair.1) && secrets.iter().all(|other| other.arn != make(pair).arn) {
                places.push(pair.1);
                secrets.push(make(pair));
            }
        }
        let mut cluster: BTreeMap<String, Value> = BTreeMap::new();
        for pair in &there {
            let secret = make(pair);
            cluster.insert(format!("n{}/x", pair.1), object(&secret, "v1"));
        }
        let mut run = wants(&secrets);
        let candidates: Vec<Delivered> =
            cluster.values().filter_map(|object| run.compare(object, &config())).collect();
        for candidate in &candidates {
            cluster.remove(&candidate.to_string());
        }
        for request in run.requests(&BTreeMap::new()) {
            let found = secrets.iter().find(|secret| secret.arn == request.secret_arn);
            prop_assert!(found.is_some());
            if let Some(Ok(Routing::To(route))) = found.map(|secret| route(&secret.tags)) {
                cluster.insert(route.to_string(), found.map(|secret| object(secret, "v2")).unwrap_or_default());
            }
        }
        let mut again = wants(&secrets);
        for object in cluster.values() {
            prop_assert_eq!(again.compare(object, &config()), None);
        }
        prop_assert!(again.requests(&BTreeMap::new()).is_empty());
        prop_assert_eq!(cluster.len(), secrets.len());
    }

    #[test]
    fn a_bounded_run_takes_different_items_and_never_more(count in 0..50_usize, limit in 1..20_usize, seed in any::<usize>()) {
        let items: Vec<usize> = (0..count).collect();
        let some = some_of(items, limit, seed);
        prop_assert_eq!(some.len(), count.min(limit));
        let distinct: BTreeSet<&usize> = some.iter().collect();
        prop_assert_eq!(distinct.len(), some.len());
        if count > limit {
            prop_assert_eq!(some.first().copied(), Some(seed % count));
        }
    }
}
