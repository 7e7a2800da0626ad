use super::*;
use crate::route::Store;

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const OTHER: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/order-AbCdEf";

fn apply_route() -> Route {
    let store = Store { kind: "SecretStore", name: "aws".to_owned() };
    let keys = vec!["password".to_owned(), "username".to_owned()];
    Route {
        namespace: "shop".to_owned(),
        name: "payment".to_owned(),
        tenant: None,
        mode: Mode::Apply { store, keys },
    }
}

fn refresh_route() -> Route {
    Route { mode: Mode::Refresh, ..apply_route() }
}

fn wanted(route: &Route) -> Wanted<'_> {
    Wanted { route, arn: ARN, version: "v2", receipt: None, unchecked: false }
}

/// The object as the cluster has it: written at second 10, synced at second `synced`.
fn in_cluster(route: &Route, version: &str, synced: u32) -> Value {
    let mut object = desired(Wanted { route, arn: ARN, version, receipt: None, unchecked: false }, None);
    object["metadata"]["generation"] = json!(3);
    object["metadata"]["managedFields"] = json!([
        {"manager": "secret2eks", "operation": "Apply", "time": "2026-11-25T03:00:10Z"},
        {"manager": "external-secrets", "operation": "Update", "subresource": "status", "time": "2026-11-25T03:00:59Z"},
    ]);
    object["status"] = json!({
        "refreshTime": format!("2026-11-25T03:00:{synced:02}Z"),
        "syncedResourceVersion": "3-abc",
        "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced"}],
    });
    // Defaults that the API server adds.
    for item in object["spec"]["data"].as_array_mut().into_iter().flatten() {
        item["remoteRef"]["decodingStrategy"] = json!("None");
        item["remoteRef"]["metadataPolicy"] = json!("None");
        item["remoteRef"]["conversionStrategy"] = json!("Default");
    }
    object
}

#[test]
fn the_manifest_selects_the_wished_keys_of_this_secret_and_pins_no_version() {
    let route = apply_route();
    let manifest = desired(wanted(&route), None);
    assert_eq!(manifest["apiVersion"], "external-secrets.io/v1");
    assert_eq!(manifest["metadata"]["annotations"][ARN_ANNOTATION], ARN);
    assert_eq!(manifest["metadata"]["annotations"][VERSION_ANNOTATION], "v2");
    let labels = json!({"app.kubernetes.io/managed-by": "secret2eks", "secret2eks/secret-suffix": "AbCdEf"});
    assert_eq!(manifest["metadata"]["labels"], labels);
    assert_eq!(manifest["spec"]["refreshInterval"], "1h0m0s");
    assert_eq!(
        manifest["spec"]["data"],
        json!([
            {"secretKey": "password", "remoteRef": {"key": ARN, "property": "password"}},
            {"secretKey": "username", "remoteRef": {"key": ARN, "property": "username"}},
        ])
    );
    assert!(manifest["spec"].get("dataFrom").is_none());
}

#[test]
fn refresh_writes_nothing_but_annotations() {
    let route = refresh_route();
    let patch = desired(wanted(&route), None);
    assert_eq!(patch, json!({"metadata": {"annotations": {ARN_ANNOTATION: ARN, VERSION_ANNOTATION: "v2"}}}));
}

#[test]
fn a_right_object_that_was_synced_after_it_was_written_needs_nothing() {
    let route = apply_route();
    assert_eq!(plan(Some(&in_cluster(&route, "v2", 11)), wanted(&route)), Ok(Plan::Nothing));
}

#[test]
fn a_sync_in_the_second_of_the_write_proves_nothing() {
    let route = apply_route();
    for synced in [9, 10] {
        assert_eq!(plan(Some(&in_cluster(&route, "v2", synced)), wanted(&route)), Ok(Plan::AskAgain));
    }
    // A receipt of that version is the exception. No receipt makes an older sync a newer one.
    let with = |receipt, synced| {
        plan(Some(&in_cluster(&route, "v2", synced)), Wanted { receipt: Some(receipt), ..wanted(&route) })
    };
    assert_eq!(with("v2", 10), Ok(Plan::Nothing));
    assert_eq!(with("v1", 10), Ok(Plan::AskAgain));
    assert_eq!(
        (Plan::Nothing.with_proof(false), Plan::Nothing.with_proof(true)),
        (Plan::Nothing, Plan::Prove)
    );
    assert_eq!(with("v2", 9), Ok(Plan::AskAgain));
    let mut failing = in_cluster(&route, "v2", 11);
    failing["status"]["conditions"][0]["status"] = json!("False");
    assert_eq!(plan(Some(&failing), wanted(&route)), Ok(Plan::AskAgain));
    let mut older = in_cluster(&route, "v2", 11);
    older["metadata"]["generation"] = json!(4);
    assert_eq!(plan(Some(&older), wanted(&route)), Ok(Plan::AskAgain));
}

#[test]
fn some_time_later_a_sync_in_the_second_of_the_write_is_accepted_and_an_earlier_one_is_not() {
    let route = apply_route();
    for (version, synced, expected) in
        [("v2", 11, true), ("v2", 10, true), ("v2", 9, false), ("v1", 11, false)]
    {
        let object = in_cluster(&route, version, synced);
        assert_eq!(holds(&object, wanted(&route)), expected, "{version} at {synced}");
    }
    // The operator fails since then: the Kubernetes Secret keeps the value. A success without a value proves nothing.
    let with = |field: &str, value: &str, synced: u32| {
        let mut object = in_cluster(&route, "v2", synced);
        object["status"]["conditions"][0][field] = json!(value);
        object
    };
    for (object, held, ready) in [
        (with("status", "True", 11), true, true),
        (with("status", "False", 11), true, false),
        (with("status", "False", 9), false, false),
        (with("reason", "SecretMissing", 11), false, true),
    ] {
        assert_eq!((holds(&object, wanted(&route)), is_ready(&object)), (held, ready), "{object}");
    }
    let mut never = with("status", "False", 11);
    never["status"]["refreshTime"] = Value::Null;
    let mut older = with("status", "False", 11);
    older["metadata"]["generation"] = json!(4);
    assert!(!holds(&never, wanted(&route)) && !holds(&older, wanted(&route)));
    let mut edited = in_cluster(&route, "v2", 11);
    edited["spec"]["refreshInterval"] = json!("0");
    let mut foreign = in_cluster(&route, "v2", 11);
    foreign["metadata"]["annotations"][ARN_ANNOTATION] = json!(OTHER);
    assert!(!holds(&edited, wanted(&route)) && !holds(&foreign, wanted(&route)));
}

#[test]
fn another_version_and_every_drift_of_our_fields_is_written() {
    let route = apply_route();
    assert_eq!(plan(None, wanted(&route)), Ok(Plan::Write { settled: true }));
    for (synced, settled) in [(9, false), (10, false), (11, true)] {
        let existing = in_cluster(&route, "v1", synced);
        assert_eq!(plan(Some(&existing), wanted(&route)), Ok(Plan::Write { settled }), "{synced}");
    }
    let proved = Wanted { receipt: Some("v1"), ..wanted(&route) };
    assert_eq!(plan(Some(&in_cluster(&route, "v1", 10)), proved), Ok(Plan::Write { settled: true }));
    let mut unlabelled = in_cluster(&route, "v2", 11);
    unlabelled["metadata"]["labels"] = json!({});
    assert_eq!(plan(Some(&unlabelled), wanted(&route)), Ok(Plan::Write { settled: true }));
}

#[test]
fn changes_of_others_in_the_specification_are_reverted() {
    let route = apply_route();
    let table = [
        ("/refreshInterval", json!("0"), "`spec.refreshInterval`"),
        ("/refreshPolicy", json!("CreatedOnce"), "`spec.refreshPolicy`"),
        ("/secretStoreRef/name", json!("other"), "`spec.secretStoreRef.name`"),
        ("/data", json!([]), "`spec.data`"),
        ("/data/0/remoteRef/property", json!("masterarn"), "`spec.data`"),
        ("/data/0/remoteRef/version", json!("uuid/v1"), "`spec.data`"),
        ("/data/0/remoteRef/decodingStrategy", json!("Base64"), "`spec.data`"),
        ("/data/0/remoteRef/metadataPolicy", json!("Fetch"), "`spec.data`"),
        ("/data/0/sourceRef", json!({"storeRef": {"name": "other"}}), "`spec.data`"),
        ("/dataFrom", json!([{"extract": {"key": OTHER}}]), "`spec.dataFrom`"),
        ("/target/immutable", json!(true), "`spec.target.immutable`"),
        ("/target/creationPolicy", json!("None"), "`spec.target.creationPolicy`"),
        ("/target/template", json!({"data": {"password": "old"}}), "`spec.target.template`"),
        ("/target/manifest", json!({"kind": "ConfigMap", "apiVersion": "v1"}), "`spec.target.manifest`"),
        ("/syncWindows", json!({"kind": "deny"}), "`spec.syncWindows`"),
        ("/a <b>", json!(1), "`spec.?`"),
    ];
    for (path, value, fields) in table {
        let mut edited = in_cluster(&route, "v2", 11);
        set(&mut edited["spec"], path, value);
        let expected = Plan::SetBack { fields: fields.to_owned() };
        assert_eq!(plan(Some(&edited), wanted(&route)), Ok(expected), "{path}");
        assert_eq!(
            is_evidence(&edited, wanted(&route)),
            Err(Refusal::ChangedAgain(fields.to_owned())),
            "{path}"
        );
        let patch = set_back(&edited, wanted(&route));
        merge(&mut edited, &patch);
        assert_eq!(is_evidence(&edited, wanted(&route)), Ok(()), "{path}: {edited}");
        assert_eq!(edited["spec"], desired(wanted(&route), None)["spec"], "{path}");
    }
    let mut gone = in_cluster(&route, "v2", 11);
    gone["spec"] = Value::Null;
    assert!(is_evidence(&gone, wanted(&route)).is_err());
}

/// Sets the value at a JSON pointer, which need not exist.
fn set(whole: &mut Value, path: &str, value: Value) {
    let (parent, field) = path.rsplit_once('/').expect("a path");
    whole.pointer_mut(parent).expect("the parent is there")[field] = value;
}

/// JSON merge patch (RFC 7396), as the API server does it.
fn merge(whole: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *whole = patch.clone();
        return;
    };
    for (field, patch) in fields {
        if patch.is_null() {
            if let Some(whole) = whole.as_object_mut() {
                whole.remove(field);
            }
        } else {
            merge(&mut whole[field], patch);
        }
    }
}

#[test]
fn what_belongs_to_somebody_else_is_refused() {
    let route = apply_route();
    let mut object = in_cluster(&route, "v2", 11);
    object["metadata"]["annotations"][ARN_ANNOTATION] = json!(OTHER);
    assert_eq!(plan(Some(&object), wanted(&route)), Err(Refusal::OtherSecret(OTHER.to_owned())));
    let refresh = refresh_route();
    assert_eq!(plan(Some(&object), wanted(&refresh)), Err(Refusal::OtherSecret(OTHER.to_owned())));
    object["metadata"]["annotations"] = json!({});
    assert_eq!(plan(Some(&object), wanted(&route)), Err(Refusal::NotOurs));
}

#[test]
fn an_object_of_a_cluster_external_secret_is_refused_with_its_owner() {
    for route in [apply_route(), refresh_route()] {
        let mut object = in_cluster(&route, "v2", 11);
        object["spec"] = json!({"data": [{"remoteRef": {"key": ARN}}]});
        object["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret", "name": "all"}]);
        let expected = Err(Refusal::OfClusterExternalSecret("all".to_owned()));
        assert_eq!(plan(Some(&object), wanted(&route)), expected);
    }
}

#[test]
fn an_object_that_is_being_deleted_proves_nothing_and_is_not_held() {
    for route in [apply_route(), refresh_route()] {
        let mut leaving = in_cluster(&apply_route(), "v2", 11);
        leaving["metadata"]["deletionTimestamp"] = json!("2026-11-25T03:00:12Z");
        assert_eq!(plan(Some(&leaving), wanted(&route)), Err(Refusal::BeingDeleted));
        assert!(!holds(&leaving, wanted(&route)));
    }
}

#[test]
fn gitops_makes_the_object_in_refresh() {
    assert_eq!(plan(None, wanted(&refresh_route())), Err(Refusal::Missing));
}

#[test]
fn synced_means_a_change_since_then_of_this_generation_and_ready() {
    let route = apply_route();
    let object = in_cluster(&route, "v2", 10);
    let since = |before: &str| Proof::Change(Some(before.to_owned()));
    let none = Proof::Change(None);
    assert_eq!(sync_state(&object, "v2", &none), Sync::Done);
    assert_eq!(sync_state(&object, "v2", &since("2-abc")), Sync::Done);
    assert_eq!(sync_state(&object, "v2", &since("3-abc")), Sync::Pending(None));
    assert_eq!(sync_state(&object, "v1", &since("2-abc")), Sync::Superseded);
    for (second, expected) in
        [("2026-11-25T03:00:09Z", Sync::Done), ("2026-11-25T03:00:10Z", Sync::Pending(None))]
    {
        let after = second.parse().map(Proof::After);
        assert_eq!(after.map(|after| sync_state(&object, "v2", &after)).ok(), Some(expected), "{second}");
    }
    // Success is reported, and nothing was written.
    for (reason, message) in [
        ("SecretMissing", "secret will not be created due to CreationPolicy=Merge"),
        ("SecretDeleted", "secret deleted due to DeletionPolicy=Delete"),
        ("SecretSynced", "secret retained due to DeletionPolicy=Retain"),
    ] {
        let mut content = object.clone();
        content["status"]["conditions"][0]["reason"] = json!(reason);
        content["status"]["conditions"][0]["message"] = json!(message);
        assert_eq!(sync_state(&content, "v2", &since("2-abc")), Sync::NotWritten(message.to_owned()));
        assert_eq!(sync_state(&content, "v2", &since("3-abc")), Sync::Pending(None));
        let written = Wanted { receipt: Some("v2"), ..wanted(&route) };
        assert_eq!(plan(Some(&content), written), Ok(Plan::AskAgain), "{reason}");
    }
    let mut failing = object.clone();
    failing["status"]["conditions"][0] = json!({"type": "Ready", "status": "False", "message": "no store"});
    assert_eq!(sync_state(&failing, "v2", &none), Sync::Pending(Some("no store".to_owned())));
    let mut older = object;
    older["metadata"]["generation"] = json!(4);
    assert_eq!(sync_state(&older, "v2", &none), Sync::Pending(None));
}

#[test]
fn another_manager_that_applies_the_same_object_is_found_and_one_that_edits_it_is_not() {
    let object = json!({"metadata": {"managedFields": [
        {"manager": "secret2eks", "operation": "Apply"},
        {"manager": "kubectl-edit", "operation": "Update"},
        {"manager": "argocd-controller", "operation": "Apply"},
        {"manager": "external-secrets", "operation": "Apply", "subresource": "status"},
    ]}});
    assert_eq!(other_appliers(&object), ["argocd-controller"]);
    assert!(who_applies_the_specification(&object).is_empty());
    let mut specified = object;
    specified["metadata"]["managedFields"][2]["fieldsV1"] = json!({"f:spec": {"f:refreshInterval": {}}});
    assert_eq!(who_applies_the_specification(&specified), ["argocd-controller"]);
}

#[test]
fn an_object_of_an_unchecked_version_is_marked_and_the_mark_is_removed_when_the_version_was_checked() {
    for route in [apply_route(), refresh_route()] {
        let unchecked = Wanted { unchecked: true, ..wanted(&route) };
        let manifest = desired(unchecked, None);
        assert_eq!(manifest["metadata"]["annotations"][UNCHECKED_ANNOTATION], "v2");
        assert_eq!(
            desired(wanted(&route), None)["metadata"]["annotations"][UNCHECKED_ANNOTATION],
            Value::Null
        );
        assert!(
            patch(wanted(&route), None)["metadata"]["annotations"]
                .as_object()
                .is_some_and(|annotations| annotations.get(UNCHECKED_ANNOTATION) == Some(&Value::Null))
        );
    }
    let route = apply_route();
    let clean = in_cluster(&route, "v2", 11);
    let mut marked = clean.clone();
    marked["metadata"]["annotations"][UNCHECKED_ANNOTATION] = json!("v2");
    let write = Ok(Plan::Write { settled: true });
    for (object, unchecked, expected) in [
        (&clean, false, Ok(Plan::Nothing)),
        (&clean, true, write.clone()),
        (&marked, true, Ok(Plan::Nothing)),
        (&marked, false, write),
    ] {
        let wanted = Wanted { unchecked, ..wanted(&route) };
        assert_eq!(plan(Some(object), wanted), expected, "{unchecked}");
        assert_eq!(holds(object, wanted), is_unchecked(object) == unchecked, "the reconcile asks again");
    }
}

#[test]
fn a_pinned_object_keeps_the_version_before_and_the_next_delivery_restores_it() {
    let route = apply_route();
    let mut object = in_cluster(&route, "v1", 11);
    let pin = pinned(wanted(&route), "v1");
    assert_eq!(pin["metadata"]["annotations"][VERSION_ANNOTATION], "v1");
    assert_eq!(pin["metadata"]["annotations"][HELD_ANNOTATION], "v2");
    for item in pin["spec"]["data"].as_array().into_iter().flatten() {
        assert_eq!(item["remoteRef"]["version"], "uuid/v1");
    }
    object["metadata"]["annotations"] = pin["metadata"]["annotations"].clone();
    object["spec"] = pin["spec"].clone();
    assert!(is_pinned(&object) && written_version(&object) == Some("v1"));
    // AWSCURRENT was moved back, or a version that logs in was stored.
    for version in ["v1", "v2", "v3"] {
        let wanted = Wanted { version, ..wanted(&route) };
        assert!(matches!(plan(Some(&object), wanted), Ok(Plan::SetBack { .. })), "{version}");
        assert!(!holds(&object, wanted), "{version}");
        assert_eq!(set_back(&object, wanted)["spec"]["data"], desired(wanted, None)["spec"]["data"]);
    }
}

#[test]
fn the_operator_reads_by_itself_after_its_interval_unless_its_policy_says_otherwise() {
    let route = apply_route();
    for (policy, interval, expected) in [
        (json!("Periodic"), json!("1h0m0s"), Some("2026-11-25T04:00:11Z")),
        (Value::Null, json!("90s"), Some("2026-11-25T03:01:41Z")),
        (Value::Null, Value::Null, Some("2026-11-25T04:00:11Z")),
        (json!("Periodic"), json!("0s"), None),
        (json!("Periodic"), json!("soon"), None),
        (json!("OnChange"), json!("1h0m0s"), None),
    ] {
        let mut object = in_cluster(&route, "v2", 11);
        object["spec"]["refreshPolicy"] = policy.clone();
        object["spec"]["refreshInterval"] = interval.clone();
        let found = next_refresh(&object).map(|at| at.to_string());
        assert_eq!(found.as_deref(), expected, "{policy} {interval}");
    }
}
