//! The admin of a namespace that gets secrets. It has the permissions of the roles `admin` and `edit`. They include
//! the rules of External Secrets Operator for `edit`, which its chart adds (`rbac.aggregateToEdit`).
//!
//! By design, this admin can read every key of every secret for its namespace, also if `secret2eks/keys` names only
//! some keys: the role of the store reads whole values.

pub mod reading;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::{Answer, Cloud, route_to};

use super::cluster_actor::ClusterActor;
use crate::kubernetes::routed::{NAMESPACE, RECEIPT, Routed, shared_namespace, until};

/// The controllers that add the rules to `admin` and `edit` do not run here, so this list repeats the rules.
fn rules() -> Value {
    json!([
        {
            "apiGroups": [""], "verbs": ["*"],
            "resources": ["configmaps", "pods", "secrets", "serviceaccounts", "services"],
        },
        {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
        {
            "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["*"],
        },
        {
            "apiGroups": ["external-secrets.io"], "verbs": ["*"],
            "resources": ["externalsecrets", "secretstores", "pushsecrets"],
        },
    ])
}

pub async fn namespace_admin(cloud: &Cloud, namespace: &str) -> Result<ClusterActor> {
    ClusterActor::with(cloud, namespace, &rules()).await
}

#[test]
fn an_edit_that_changes_the_value_in_the_cluster_is_denied_or_reverted_and_gets_no_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        shared_namespace(cloud).await?;
        let admin = namespace_admin(cloud, NAMESPACE).await?;
        let old = json!({"key": "KEY", "property": "password"});
        let data = |change: &Value| {
            let mut remote = old.clone();
            for (field, value) in change.as_object().into_iter().flatten() {
                remote[field] = value.clone();
            }
            json!([{"secretKey": "password", "remoteRef": remote}])
        };
        let rewritten = json!([{
            "extract": {"key": "KEY"}, "rewrite": [{"regexp": {"source": "host", "target": "password"}}],
        }]);
        let edits = [
            ("a template", json!({"target": {"template": {"data": {"password": "first"}}}})),
            (
                "a template of templates",
                json!({"target": {"template": {"templateFrom": [
                    {"literal": "password: first"},
                ]}}}),
            ),
            ("an immutable Secret", json!({"target": {"immutable": true}})),
            ("a pinned version", json!({"data": data(&json!({"version": "uuid/VERSION"}))})),
            ("another decoding", json!({"data": data(&json!({"decodingStrategy": "Auto"}))})),
            ("another property", json!({"data": data(&json!({"property": "host"}))})),
            ("rewritten keys", json!({"data": null, "dataFrom": rewritten})),
            ("no Secret", json!({"target": {"creationPolicy": "None"}})),
            ("another store", json!({"secretStoreRef": {"name": "another"}})),
            ("no refresh", json!({"refreshPolicy": "CreatedOnce"})),
        ];
        for (what, spec) in edits {
            let secret = Routed::delivered(cloud, &name("edited"), &[]).await?;
            let first = secret.current().await?;
            let spec = spec.to_string().replace("KEY", &secret.arn).replace("VERSION", &first);
            let change = json!({"spec": serde_json::from_str::<Value>(&spec)?});
            let edited = admin.patch("externalsecret", &secret.name, &change).await?;
            let second = secret.put("second").await?;
            let _ = cloud.deliver(&secret.arn).await?;
            if cloud.tag_of(&secret.arn, RECEIPT).await?.as_deref() == Some(&second) {
                let data = cloud.kubernetes()?.secret(NAMESPACE, &secret.name).await?.context(what)?;
                ensure!(data.get("password").is_some_and(|now| now == "second"), "{what}: {edited:?}");
            }
            if what == "an immutable Secret" {
                // Kubernetes does not allow anyone, including the operator, to make it mutable again.
                admin.kubectl(&["delete", "secret", &secret.name]).await?.allowed("its deletion")?;
            }
            // A change that is denied or reverted does not block the delivery.
            until(what, async || {
                let delivered = cloud.deliver(&secret.arn).await?;
                Ok(matches!(delivered, Answer::Done(_)))
            })
            .await?;
            secret.arrived("second").await?;
        }
        Ok(())
    })
}

#[test]
fn an_object_that_is_no_longer_labelled_as_ours_is_still_not_believed() -> Result<()> {
    on_the_cluster(async |cloud| {
        shared_namespace(cloud).await?;
        let admin = namespace_admin(cloud, NAMESPACE).await?;
        let secret = Routed::delivered(cloud, &name("unlabelled"), &[]).await?;
        let unlabelled = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}});
        let template = json!({"spec": {"target": {"template": {"data": {"password": "first"}}}}});
        // One after the other, and both at once. Each may be denied.
        let mut both = template.clone();
        both["metadata"] = unlabelled["metadata"].clone();
        for change in [&unlabelled, &template, &both] {
            let _ = admin.patch("externalsecret", &secret.name, change).await?;
        }
        let second = secret.put("second").await?;
        let _ = cloud.deliver(&secret.arn).await?;
        if cloud.tag_of(&secret.arn, RECEIPT).await?.as_deref() == Some(&second) {
            let data = cloud.kubernetes()?.secret(NAMESPACE, &secret.name).await?.context("no Secret")?;
            ensure!(data.get("password").is_some_and(|now| now == "second"), "a receipt without the value");
        }
        Ok(())
    })
}

#[test]
fn a_deleted_store_is_reported_and_the_stolen_password_can_still_be_revoked() -> Result<()> {
    on_the_cluster(async |cloud| {
        let namespace = name("without-store");
        cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, &namespace, &[]).await?;
        let app = cloud.create_app(&namespace).await?;
        let stolen = cloud.value(&app.arn, "AWSCURRENT").await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("no version")?;
        cloud.set_tags(&app.arn, &route_to(&namespace, &namespace)).await?;
        cloud.deliver(&app.arn).await?.value()?;
        let admin = namespace_admin(cloud, &namespace).await?;
        admin.kubectl(&["delete", "secretstore", "aws"]).await?.allowed("the deletion of the store")?;
        cloud.rotate_successfully(&app.arn).await?;
        let alerts = cloud.alerts.wait_for(&app.arn, 1).await?;
        let area = |alert: &Value| alert["metadata"]["additionalContext"]["area"] == "delivery";
        ensure!(alerts.iter().any(area), "{alerts:#?}");
        // The cluster has the stolen password, so no rotation changes it. SecOps may change it after the blocked
        // attempt is ended.
        let rotation = cloud.rotate(&app.arn).await?;
        ensure!(format!("{rotation:?}").contains("delivery.undelivered"), "{rotation:?}");
        let stage = cloud.secrets.update_secret_version_stage().secret_id(&app.arn);
        stage.version_stage("AWSPENDING").remove_from_version_id(rotation.version_id).send().await?;
        let event = super::secops::revoke(&app.arn, &leaked);
        cloud.invoke_function(super::secops::function(cloud)?, &event).await?.value()?;
        ensure!(!cloud.logs_in(&stolen).await?, "the stolen password still logs in");
        Ok(())
    })
}
