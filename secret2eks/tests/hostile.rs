//! Hostile events, tags and objects of the cluster. See the crate `hostile`.

use contract::Tags;
use hostile::{Report, Target, canary};
use secret2eks::event::parse;
use secret2eks::external_secret::{
    Proof, Wanted, desired, holds, is_evidence, is_pinned, is_ready, is_unchecked, next_refresh,
    other_appliers, ours, plan, set_back, sync_state, synced_resource_version, who_applies_the_specification,
    written_at, written_version,
};
use secret2eks::route::{Route, Routing, goes_to, other_cluster, route};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const VERSION: &str = "0123456789abcdef0123456789abcdef";

fn events() -> Vec<Value> {
    let call = |name: &str, asked: Value| {
        json!({"source": "aws.secretsmanager", "detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": name,
            "requestParameters": asked, "responseElements": {"arn": ARN}, "secretString": canary::PASSWORD}})
    };
    vec![
        json!({"secretArn": ARN, "versionId": VERSION, "attempt": 1, "tested": true, "promotedAt": "2026-11-25T03:00:00Z",
            "password": canary::PASSWORD}),
        json!({"source": "aws.secretsmanager", "detail-type": "Secret Label Updated", "time": "2026-11-25T03:00:00Z",
            "resources": [ARN], "detail": {"name": "rabbitmq/payment", "labelUpdated": "AWSCURRENT", "versionId": VERSION}}),
        call("CreateSecret", json!({"name": "rabbitmq/payment", "secretString": canary::PASSWORD})),
        call("TagResource", json!({"secretId": ARN, "tags": [{"key": "secret2eks/name", "value": "x"}]})),
        call("UntagResource", json!({"secretId": ARN, "tagKeys": ["tenant"]})),
        json!({"Action": "reconcile", "TakeBackUpTo": 9, "By": "Ada", "Reason": "ticket 7"}),
        json!({"Action": "look", "SecretIds": ["rabbitmq/payment", ARN]}),
    ]
}

#[test]
fn hostile_input_delivery_events_are_refused_by_the_name_of_a_field() {
    let names = &[
        "the event is none of these",
        "the event does not name one secret",
        "`TakeBackUpTo`, `By` and `Reason`",
    ];
    hostile::run(&Target::of("delivery-events", names), &events(), |event| match parse(event) {
        // An accepted event is logged in parts, and each field of it is public.
        Ok(_) => Report::accepted(&"read"),
        Err(error) => Report::refused(&error),
    });
}

fn tags() -> Vec<Value> {
    let all = json!({"secret2eks/namespace": "shop", "secret2eks/name": "payment", "secret2eks/store": "SecretStore/aws",
        "secret2eks/keys": "username password uri", "secret2eks/mode": "apply", "tenant": "shop",
        "secret2eks/cluster": "one", "secret2eks/delivered": VERSION});
    let refresh =
        json!({"secret2eks/namespace": "shop", "secret2eks/name": "payment", "secret2eks/mode": "refresh"});
    vec![all, refresh]
}

fn read_tags(value: &Value) -> Tags {
    let fields = value.as_object().into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[test]
fn hostile_input_tags_are_refused_by_the_name_of_a_tag() {
    hostile::run(&Target::public("tags", &["the tag `"]), &tags(), |value| {
        let tags = read_tags(value);
        let routed = route(&tags);
        if let Ok(Routing::To(to)) = &routed {
            let is_elsewhere = other_cluster(&tags, "one").is_some();
            assert_eq!(goes_to(&tags, "one", to), !is_elsewhere, "a route that is not its own");
            assert!(to.namespace.len() <= 63 && to.name.len() <= 253, "too long for Kubernetes");
        }
        match &routed {
            Ok(_) => Report::accepted(&"read"),
            Err(error) => Report::refused(error),
        }
    });
}

fn routes() -> Vec<Route> {
    let routes = tags().iter().map(|tags| route(&read_tags(tags))).collect::<Vec<_>>();
    routes
        .into_iter()
        .filter_map(|route| if let Ok(Routing::To(route)) = route { Some(route) } else { None })
        .collect()
}

fn wanted(route: &Route) -> Wanted<'_> {
    Wanted { route, arn: ARN, version: VERSION, receipt: Some("v1"), unchecked: false }
}

/// An object as the API server answers it.
fn objects(route: &Route) -> Vec<Value> {
    let mut object = desired(wanted(route), Some("r-1"));
    let managed = json!({"manager": "secret2eks", "operation": "Apply", "time": "2026-11-25T03:00:00Z",
        "fieldsV1": {"f:spec": {"f:data": {}}}});
    object["metadata"]["managedFields"] = json!([managed]);
    object["metadata"]["uid"] = json!("u-1");
    object["metadata"]["resourceVersion"] = json!("77");
    object["metadata"]["generation"] = json!(1);
    object["status"] = json!({"syncedResourceVersion": "1-abc", "refreshTime": "2026-11-25T03:00:05Z",
        "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced",
            "lastTransitionTime": "2026-11-25T03:00:05Z"}]});
    let mut owned = object.clone();
    owned["metadata"]["ownerReferences"] = json!([{"kind": "ClusterExternalSecret", "name": "all"}]);
    let mut by_gitops = object.clone();
    by_gitops["spec"]["target"]["template"] =
        json!({"data": {"a": "{{ .password }}", "b": canary::PASSWORD}});
    by_gitops["spec"]["refreshPolicy"] = json!("OnChange");
    vec![object, owned, by_gitops]
}

#[test]
fn hostile_input_external_secrets_are_judged_without_a_panic_and_refused_with_a_reason() {
    let routes = routes();
    let documents: Vec<Value> = routes.iter().flat_map(objects).collect();
    // Each refusal is a sentence about the object.
    let names = &["it ", "its ", "`", "somebody", "none of", "secret2eks"];
    hostile::run(&Target::of("external-secrets", names), &documents, |object| {
        let mut refusals = Vec::new();
        for route in &routes {
            let wanted = wanted(route);
            refusals.extend(plan(Some(object), wanted).err());
            refusals.extend(is_evidence(object, wanted).err());
            let _ = (holds(object, wanted), set_back(object, wanted));
        }
        for proof in [Proof::Change(Some("1-abc".to_owned())), Proof::After(jiff::Timestamp::UNIX_EPOCH)] {
            let _ = sync_state(object, VERSION, &proof);
        }
        let _ =
            (ours(object, "arn:"), written_at(object), next_refresh(object), synced_resource_version(object));
        let _ = (other_appliers(object), who_applies_the_specification(object), written_version(object));
        let _ = (is_ready(object), is_pinned(object), is_unchecked(object));
        let report = Report { refused: !refusals.is_empty(), ..Report::accepted(&"read") };
        refusals.iter().fold(report, Report::and_error)
    });
}
