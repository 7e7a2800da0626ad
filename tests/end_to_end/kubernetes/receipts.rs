//! A receipt is evidence. It is written only for a version that the Kubernetes Secret contains.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::Cloud;

use super::routed::{NAMESPACE, RECEIPT, Routed, shared_namespace, until};

const REFRESH: [(&str, &str); 2] = [("secret2eks/mode", "refresh"), ("secret2eks/store", "")];
/// Changes the specification of the object that GitOps manages. The argument is the first version of the secret.
type Change = fn(&mut Value, &str);

/// A secret whose ExternalSecret GitOps creates. The operator has processed it.
async fn of_gitops<'a>(cloud: &'a Cloud, change: Change) -> Result<Routed<'a>> {
    shared_namespace(cloud).await?;
    let own = name("gitops");
    let secret = Routed::create(cloud, &own, &REFRESH).await?;
    let data = ["username", "password"].map(
        |key| json!({"secretKey": key, "remoteRef": {"key": format!("rabbitmq/{own}"), "property": key}}),
    );
    let mut spec = json!({
        "refreshInterval": "1h", "target": {}, "data": data,
        "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
    });
    change(&mut spec, &secret.current().await?);
    apply(cloud, &own, &json!({}), &spec).await?;
    until("the operator has looked at it", async || {
        Ok(secret.external_secret().await?["status"]["conditions"].is_array())
    })
    .await?;
    Ok(secret)
}

async fn apply(cloud: &Cloud, own: &str, metadata: &Value, spec: &Value) -> Result<()> {
    let mut object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata, "spec": spec,
    });
    object["metadata"]["namespace"] = json!(NAMESPACE);
    object["metadata"]["name"] = json!(own);
    cloud.kubernetes()?.apply_manifests(&object.to_string()).await
}

/// The model checker found this. The version that is current again was in the cluster before, and its ExternalSecret is right.
#[test]
fn a_version_that_is_rolled_back_to_is_brought_again_if_the_operator_has_read_another_one() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::delivered(cloud, &name("back"), &[]).await?;
        let first = secret.current().await?;
        secret.receipt(&first).await?;
        // Nobody delivers the second value. The operator reads it by itself, as it does each hour.
        let second = secret.put("second").await?;
        let kubernetes = cloud.kubernetes()?;
        let force = json!({"metadata": {"annotations": {"force-sync": name("now")}}});
        kubernetes.edit_external_secret(NAMESPACE, &secret.name, &force).await?;
        secret.arrived("second").await?;
        // As the playbook says.
        cloud.secrets.untag_resource().secret_id(&secret.arn).tag_keys(RECEIPT).send().await?;
        let back = cloud.secrets.update_secret_version_stage().secret_id(&secret.arn);
        let back = back.version_stage("AWSCURRENT").move_to_version_id(&first).remove_from_version_id(second);
        back.send().await?;
        secret.deliver().await?;
        let held = kubernetes.secret(NAMESPACE, &secret.name).await?.context("no Secret")?;
        ensure!(held.get("password").is_some_and(|held| held == "first"), "the cluster holds {held:?}");
        secret.receipt(&first).await
    })
}

async fn has_no_receipt(secret: &Routed<'_>) -> Result<()> {
    let receipt = secret.cloud.tag_of(&secret.arn, RECEIPT).await?;
    ensure!(receipt.is_none(), "{}: a false receipt, {receipt:?}", secret.name);
    Ok(())
}

/// Stores a second value. The delivery reports why it may not arrive, and writes no receipt.
async fn is_refused(cloud: &Cloud, words: &str, change: Change) -> Result<()> {
    let secret = of_gitops(cloud, change).await?;
    secret.put("second").await?;
    let answer = secret.refused("delivery.not_synced", words).await;
    let held = cloud.kubernetes()?.secret(NAMESPACE, &secret.name).await?;
    answer.with_context(|| format!("{words}; the Secret holds {held:?}"))?;
    has_no_receipt(&secret).await.with_context(|| words.to_owned())
}

#[test]
fn an_immutable_secret_of_gitops_earns_no_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        is_refused(cloud, "`spec.target.immutable`", |spec, _| spec["target"]["immutable"] = json!(true))
            .await
    })
}

#[test]
fn a_pinned_version_earns_no_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        is_refused(cloud, "reads a pinned version", |spec, version| {
            for item in spec["data"].as_array_mut().into_iter().flatten() {
                item["remoteRef"]["version"] = json!(format!("uuid/{version}"));
            }
        })
        .await
    })
}

#[test]
fn a_secret_that_the_operator_does_not_make_earns_no_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        is_refused(cloud, "CreationPolicy=Merge", |spec, _| {
            spec["target"]["creationPolicy"] = json!("Merge");
        })
        .await?;
        is_refused(cloud, "`spec.target.creationPolicy`", |spec, _| {
            spec["target"]["creationPolicy"] = json!("None");
        })
        .await
    })
}

#[test]
fn an_object_that_fetches_no_password_earns_no_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        is_refused(cloud, "`spec.data` fetches from this secret only keys", |spec, _| {
            let user = spec["data"][0].clone();
            spec["data"] = json!([user]);
        })
        .await
    })
}

#[test]
fn what_changes_the_fetched_value_earns_no_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        let table: [(&str, Change); 7] = [
            ("`spec.target.template.data.password`", |spec, _| {
                spec["target"]["template"] = json!({"data": {"password": "old"}});
            }),
            ("`spec.target.template.data.password`", |spec, _| {
                let data = json!({"password": "old", "user": "{{ .username }}:{{ .password }}"});
                spec["target"]["template"] = json!({"data": data, "mergePolicy": "Merge"});
            }),
            ("line 2 of spec.target.template.data.uri", |spec, _| {
                let uri = "amqps:\n{{ .username }}:{{ .password | trunc 0 }}old";
                spec["target"]["template"] = json!({"data": {"uri": uri}});
            }),
            ("`spec.target.template.templateFrom`", |spec, _| {
                spec["target"]["template"] = json!({"templateFrom": [{"literal": "password: old"}]});
            }),
            ("`spec.data[1].remoteRef.decodingStrategy`", |spec, _| {
                spec["data"][1]["remoteRef"]["decodingStrategy"] = json!("Auto");
            }),
            ("`spec.dataFrom[0].rewrite`", |spec, _| {
                let key = spec["data"][0]["remoteRef"]["key"].clone();
                let rewrite = json!([{"regexp": {"source": "password", "target": "unused"}}]);
                spec["data"] = json!([]);
                spec["dataFrom"] = json!([{"extract": {"key": key}, "rewrite": rewrite}]);
            }),
            ("`spec.target.name`", |spec, _| spec["target"]["name"] = json!("elsewhere")),
        ];
        for (words, change) in table {
            is_refused(cloud, words, change).await?;
        }
        Ok(())
    })
}

#[test]
fn a_template_that_only_places_fields_into_text_is_delivered_with_a_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        let table: [(&str, Change); 3] = [
            ("amqps://cookie:se%2Fcond@mq.example.com:5671", |spec, _| {
                let uri = "amqps://{{ .username }}:{{ .password | urlquery }}@mq.example.com:5671";
                spec["target"]["template"] = json!({"data": {"uri": uri, "host": "mq.example.com"}});
            }),
            ("se/cond", |spec, _| {
                let data = json!({"uri": "{{- .password -}}"});
                spec["target"]["template"] = json!({"data": data, "mergePolicy": "Merge"});
            }),
            ("{\"password\": \"se/cond\"}", |spec, _| {
                let key = spec["data"][0]["remoteRef"]["key"].clone();
                spec["data"] = json!([]);
                spec["dataFrom"] = json!([{"extract": {"key": key}}]);
                let data = json!({"uri": "{\"password\": {{ .password | toJson }}}"});
                spec["target"]["template"] = json!({"data": data});
            }),
        ];
        for (expected, change) in table {
            let secret = of_gitops(cloud, change).await?;
            let version = secret.put("se/cond").await?;
            secret.deliver().await?;
            let held = cloud.kubernetes()?.secret(NAMESPACE, &secret.name).await?.context("no Secret")?;
            ensure!(held.get("uri").is_some_and(|uri| uri == expected), "{held:?}");
            secret.receipt(&version).await?;
        }
        Ok(())
    })
}

#[test]
fn a_secret_that_the_operator_merges_into_is_delivered_with_a_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        let change: Change = |spec, _| spec["target"]["creationPolicy"] = json!("Merge");
        let secret = of_gitops(cloud, change).await?;
        let theirs = json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"port": "5671"},
            "metadata": {"namespace": NAMESPACE, "name": secret.name}});
        cloud.kubernetes()?.apply_manifests(&theirs.to_string()).await?;
        let version = secret.put("second").await?;
        secret.deliver().await?;
        let held = cloud.kubernetes()?.secret(NAMESPACE, &secret.name).await?.context("no Secret")?;
        ensure!(held["password"] == "second" && held["port"] == "5671", "{held:?}");
        secret.receipt(&version).await
    })
}

#[test]
fn an_object_of_a_cluster_external_secret_is_refused_at_once_and_its_owner_named() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = of_gitops(cloud, |_, _| {}).await?;
        let spec = secret.external_secret().await?["spec"].clone();
        let owner = json!([{"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret",
            "name": "for-all", "uid": "00000000-0000-0000-0000-000000000001", "controller": true}]);
        apply(cloud, &secret.name, &json!({"ownerReferences": owner}), &spec).await?;
        secret.refused("delivery.not_synced", "the ClusterExternalSecret `for-all`").await?;
        ensure!(secret.external_secret().await?["metadata"]["annotations"].is_null(), "it was touched");
        has_no_receipt(&secret).await
    })
}

#[test]
fn a_key_that_needs_a_store_with_a_prefix_is_reported_as_not_supported() -> Result<()> {
    on_the_cluster(async |cloud| {
        is_refused(cloud, "a store with a `prefix` is not supported", |spec, _| {
            for item in spec["data"].as_array_mut().into_iter().flatten() {
                let key = item["remoteRef"]["key"].as_str().unwrap_or_default().to_owned();
                item["remoteRef"]["key"] = json!(key.trim_start_matches("rabbitmq/"));
            }
        })
        .await
    })
}
