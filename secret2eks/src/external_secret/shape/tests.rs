use serde_json::json;

use super::*;

mod password;

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const NAME: &str = "rabbitmq/payment";
const OTHER: &str = "rabbitmq/order";

fn judged(spec: &Value) -> Result<(), Refusal> {
    is_understood(&json!({"metadata": {"name": "broker"}, "spec": spec}), ARN, "broker")
}

/// One key of this secret, and a change.
fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = json!({
        "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
        "refreshInterval": "1h",
        "target": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
        "data": [
            {"secretKey": "username", "remoteRef": {"key": NAME, "property": "username"}},
            {"secretKey": "password", "remoteRef": {
                "key": ARN, "property": "password",
                "conversionStrategy": "Default", "decodingStrategy": "None", "metadataPolicy": "None",
            }},
        ],
    });
    change(&mut spec);
    spec
}

fn push(spec: &mut Value, item: Value) {
    spec["data"].as_array_mut().expect("a list").push(item);
}

fn with_template(template: Value) -> Value {
    with(|spec| spec["target"]["template"] = template)
}

/// The whole secret, and a change.
fn extracted(change: impl Fn(&mut Value)) -> Value {
    with(|spec| {
        spec["data"] = json!([]);
        spec["dataFrom"] = json!([{"extract": {"key": NAME}}]);
        change(spec);
    })
}

#[test]
fn shapes_that_write_the_current_value_are_understood() {
    let uri = "amqps://{{ .username }}:{{ .password | urlquery }}@host:5671";
    for spec in [
        with(|_| {}),
        with(|spec| spec["target"] = json!({"name": "broker"})),
        with(|spec| spec["target"]["immutable"] = json!(false)),
        with(|spec| spec["target"]["creationPolicy"] = json!("Orphan")),
        // If no Secret exists, the operator gives another reason.
        with(|spec| spec["target"]["creationPolicy"] = json!("Merge")),
        with(|spec| spec["target"]["deletionPolicy"] = json!("Delete")),
        with(|spec| spec["refreshPolicy"] = json!("Periodic")),
        with(|spec| {
            spec["refreshPolicy"] = json!("OnChange");
            spec["refreshInterval"] = json!("0");
        }),
        with(|spec| spec["data"][1]["remoteRef"]["version"] = json!("AWSCURRENT")),
        with(|spec| spec["data"][1]["remoteRef"]["nullBytePolicy"] = json!("Fail")),
        // The whole value, as JSON.
        with(|spec| spec["data"] = json!([{"secretKey": "broker.json", "remoteRef": {"key": ARN}}])),
        with(|spec| {
            push(
                spec,
                json!({"secretKey": "ca.crt", "remoteRef": {"key": OTHER}, "sourceRef": {"storeRef": {"name": "x"}}}),
            );
        }),
        with(|spec| spec["dataFrom"] = json!([{"find": {"name": {"regexp": ".*"}}}])),
        extracted(|_| {}),
        extracted(|spec| spec["dataFrom"] = json!([{"extract": {"key": OTHER}}, {"extract": {"key": ARN}}])),
        extracted(|spec| spec["data"] = json!([{"secretKey": "ca.crt", "remoteRef": {"key": OTHER}}])),
        with_template(json!({"engineVersion": "v2", "mergePolicy": "Replace", "type": "Opaque"})),
        with_template(
            json!({"metadata": {"labels": {"a": "b"}, "annotations": {"c": "{{ .username | sha256sum }}"}}}),
        ),
        with_template(json!({"data": {"uri": uri, "host": "mq.example.com"}})),
        with_template(json!({"data": {"uri": uri}, "mergePolicy": "Merge"})),
        with_template(json!({"data": {"host": "mq.example.com"}, "mergePolicy": "Merge"})),
        with_template(json!({"data": {"user": "{{ .username }}", "password": "{{ .password }}"}})),
        extracted(|spec| spec["target"]["template"] = json!({"data": {"uri": uri}})),
    ] {
        assert_eq!(judged(&spec), Ok(()), "{spec}");
    }
}

#[test]
fn a_shape_that_may_write_something_else_is_refused_with_its_field() {
    let data = |field: &'static str, value: Value| {
        with(move |spec| spec["data"][1]["remoteRef"][field] = value.clone())
    };
    let target = |field: &'static str, value: Value| with(move |spec| spec["target"][field] = value.clone());
    let template = |key: &'static str, text: &'static str| with_template(json!({"data": {key: text}}));
    let from = |list: Value| extracted(move |spec| spec["dataFrom"] = list.clone());
    let password_of_another = json!([{"secretKey": "password", "remoteRef": {"key": OTHER}}]);
    let getter = "{{ getSecretKey \"payment\" \"other\" \"password\" }}";
    for (spec, field) in [
        (target("immutable", json!(true)), "spec.target.immutable"),
        (target("creationPolicy", json!("None")), "spec.target.creationPolicy"),
        (target("creationPolicy", json!("CreateOrMerge")), "spec.target.creationPolicy"),
        (target("deletionPolicy", json!("Merge")), "spec.target.deletionPolicy"),
        (target("name", json!("other")), "spec.target.name"),
        (target("manifest", json!({"apiVersion": "v1", "kind": "ConfigMap"})), "spec.target.manifest"),
        (with(|spec| spec["syncWindows"] = json!({"kind": "deny"})), "spec.syncWindows"),
        (data("version", json!("uuid/0123")), "spec.data[1].remoteRef.version"),
        (data("version", json!("AWSPREVIOUS")), "spec.data[1].remoteRef.version"),
        (data("decodingStrategy", json!("Auto")), "spec.data[1].remoteRef.decodingStrategy"),
        (data("metadataPolicy", json!("Fetch")), "spec.data[1].remoteRef.metadataPolicy"),
        (data("property", json!("{\"a\":!\"old\"}")), "spec.data[1].remoteRef.property"),
        (data("property", json!("password|@reverse")), "spec.data[1].remoteRef.property"),
        (data("property", json!("..0.username")), "spec.data[1].remoteRef.property"),
        (data("newer", json!("x")), "spec.data[1].remoteRef.newer"),
        (
            with(|spec| spec["data"][1]["sourceRef"] = json!({"storeRef": {"name": "other"}})),
            "spec.data[1].sourceRef",
        ),
        (
            with(|spec| push(spec, json!({"secretKey": "password", "remoteRef": {"key": OTHER}}))),
            "spec.data[1].secretKey",
        ),
        (
            with(|spec| {
                push(spec, json!({"secretKey": "x", "remoteRef": {"key": OTHER}}));
                spec["target"]["deletionPolicy"] = json!("Delete");
            }),
            "spec.target.deletionPolicy",
        ),
        (from(json!([{"extract": {"key": NAME}, "rewrite": [{"regexp": {}}]}])), "spec.dataFrom[0].rewrite"),
        (
            from(json!([{"extract": {"key": NAME}, "sourceRef": {"storeRef": {}}}])),
            "spec.dataFrom[0].sourceRef",
        ),
        (from(json!([{"extract": {"key": NAME, "version": "uuid/1"}}])), "spec.dataFrom[0].extract.version"),
        (from(json!([{"extract": {"key": NAME, "property": "x"}}])), "spec.dataFrom[0].extract.property"),
        (from(json!([{"extract": {"key": NAME}}, {"extract": {"key": OTHER}}])), "spec.dataFrom[1]"),
        (from(json!([{"extract": {"key": NAME}}, {"sourceRef": {"generatorRef": {}}}])), "spec.dataFrom[1]"),
        (extracted(|spec| spec["data"] = password_of_another.clone()), "spec.data[0]"),
        (with_template(json!({"engineVersion": "v3"})), "spec.target.template.engineVersion"),
        (with_template(json!({"newer": "x"})), "spec.target.template.newer"),
        (
            with_template(json!({"templateFrom": [{"configMap": {"name": "x"}}]})),
            "spec.target.template.templateFrom",
        ),
        (template("password", "old"), "spec.target.template.data.password"),
        (template("password", "{{ .username }}"), "spec.target.template.data.password"),
        (template("uri", "amqps://{{ .username }}@host"), "spec.target.template.data"),
        (template("loot", getter), "line 1 of spec.target.template.data.loot"),
        (template("conf", "a\n{{ .password | trunc 3 }}"), "line 2 of spec.target.template.data.conf"),
        (
            with_template(json!({"data": {"password": "old"}, "mergePolicy": "Merge"})),
            "spec.target.template.data.password",
        ),
        (
            with_template(json!({"data": {"uri": "{{ .username }}:{{ .password }}", "password": "old"}})),
            "spec.target.template.data.password",
        ),
        (
            extracted(|spec| {
                spec["target"]["template"] = json!({"data": {"password": "old"}, "mergePolicy": "Merge"});
            }),
            "spec.target.template.data.password",
        ),
        (
            extracted(|spec| spec["target"]["template"] = json!({"data": {"user": "{{ .username }}"}})),
            "spec.target.template.data",
        ),
    ] {
        match judged(&spec) {
            Err(Refusal::Unproven(unproven)) => assert_eq!(unproven.field, field, "{spec}"),
            other => panic!("{field}: {other:?} for {spec}"),
        }
    }
}

#[test]
fn what_reads_no_key_of_this_secret_or_ignores_a_forced_sync_is_refused() {
    let reading = |key: &str| json!({"data": [{"secretKey": "password", "remoteRef": {"key": key}}]});
    for (spec, expected) in [
        (json!({}), Refusal::ReadsOtherSecrets),
        (reading(OTHER), Refusal::ReadsOtherSecrets),
        (reading("payments"), Refusal::ReadsOtherSecrets),
        (reading("payment"), Refusal::StoreWithPrefix("payment".to_owned())),
        (reading("payment-AbCdEf"), Refusal::StoreWithPrefix("payment-AbCdEf".to_owned())),
        (
            json!({"dataFrom": [{"extract": {"key": "mq/payment"}}]}),
            Refusal::StoreWithPrefix("mq/payment".to_owned()),
        ),
        (with(|spec| spec["refreshPolicy"] = json!("CreatedOnce")), Refusal::IgnoresForcedSync),
        (with(|spec| spec["refreshPolicy"] = json!("Newer")), Refusal::IgnoresForcedSync),
        (with(|spec| spec["refreshInterval"] = json!("0s")), Refusal::IgnoresForcedSync),
        (with(|spec| spec["refreshInterval"] = json!("-1h")), Refusal::IgnoresForcedSync),
        (
            with(|spec| {
                spec["refreshPolicy"] = json!("Periodic");
                spec["refreshInterval"] = json!("0");
            }),
            Refusal::IgnoresForcedSync,
        ),
    ] {
        assert_eq!(judged(&spec), Err(expected), "{spec}");
    }
}
