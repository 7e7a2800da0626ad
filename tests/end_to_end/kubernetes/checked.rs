//! A value that somebody stores by hand is delivered if it logs in. What the broker refuses is held back, and what cannot be
//! checked is delivered with a warning.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cluster};
use serde_json::{Value, json};
use testbed::aws::RotationOptions;
use testbed::cloud::{Cloud, random_text};
use testbed::kubernetes::SecretData;

use super::routed::{LIMIT, NAMESPACE, RECEIPT, until};
use super::triggers::routed_app;

/// A rotated secret that the cluster holds.
pub struct Rotated {
    cloud: &'static Cloud,
    arn: String,
    name: String,
    /// The version that its rotation has made.
    version: String,
}

impl Rotated {
    async fn delivered(cloud: &'static Cloud, prefix: &str) -> Result<Self> {
        let own = name(prefix);
        // The account has a trail.
        let options = RotationOptions { api_events: Some(true), ..RotationOptions::default() };
        cloud.aws.set_rotation_options(Some(&format!("rabbitmq/{own}")), &options).await?;
        let arn = routed_app(cloud, &own).await?;
        let version = cloud.rotate_successfully(&arn).await?;
        let secret = Self { cloud, arn, name: own, version };
        secret.receipt(&secret.version).await?;
        Ok(secret)
    }

    /// Stores the current value with changed fields. Returns the version.
    async fn put(&self, changes: &Value) -> Result<String> {
        let mut value = self.cloud.value(&self.arn, "AWSCURRENT").await?;
        for (field, change) in changes.as_object().into_iter().flatten() {
            value[field] = change.clone();
        }
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        let put = self.cloud.secrets.put_secret_value().secret_id(&self.arn);
        put.secret_string(value.to_string()).send().await?.version_id.context("no version")
    }

    /// Moves AWSCURRENT back, as the alert says.
    async fn roll_back(&self, from: &str, to: &str) -> Result<()> {
        let back = self.cloud.secrets.update_secret_version_stage().secret_id(&self.arn);
        let back = back.version_stage("AWSCURRENT").move_to_version_id(to).remove_from_version_id(from);
        back.send().await.map(drop).context("AWSCURRENT was not moved")
    }

    async fn receipt(&self, version: &str) -> Result<()> {
        self.cloud.wait_for_tag(&self.arn, RECEIPT, version, LIMIT).await
    }

    async fn external_secret(&self) -> Result<Value> {
        let found = self.cloud.kubernetes()?.external_secret(NAMESPACE, &self.name).await?;
        found.with_context(|| format!("there is no ExternalSecret {}", self.name))
    }

    async fn in_cluster(&self) -> Result<SecretData> {
        let found = self.cloud.kubernetes()?.secret(NAMESPACE, &self.name).await?;
        found.with_context(|| format!("there is no Secret {}", self.name))
    }

    /// Makes the operator read the secret by itself, as it does each hour. Returns when it has read it.
    async fn refreshes(&self) -> Result<()> {
        let before = self.external_secret().await?["status"]["syncedResourceVersion"].clone();
        let force = json!({"metadata": {"annotations": {"force-sync": name("now")}}});
        self.cloud.kubernetes()?.edit_external_secret(NAMESPACE, &self.name, &force).await?;
        until("the operator has read it", async || {
            Ok(self.external_secret().await?["status"]["syncedResourceVersion"] != before)
        })
        .await
    }

    /// Waits for an alert of that kind.
    async fn alert(&self, kind: &str) -> Result<Value> {
        let is_it = |alert: &Value| {
            alert["metadata"]["threadId"] == self.arn.as_str()
                && alert["metadata"]["additionalContext"]["kind"] == kind
                && alert["metadata"]["eventType"] != "incident.closed"
        };
        let alerts = self.cloud.alerts.wait_until(1, is_it).await?;
        alerts.into_iter().find(is_it).with_context(|| format!("no alert of {kind}"))
    }

    async fn closed(&self) -> Result<()> {
        let is_it = |alert: &Value| {
            alert["metadata"]["threadId"] == self.arn.as_str()
                && alert["metadata"]["eventType"] == "incident.closed"
        };
        self.cloud.alerts.wait_until(1, is_it).await.map(drop)
    }
}

#[test]
fn a_value_that_logs_in_is_delivered_and_nobody_is_notified() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Rotated::delivered(cloud, "stored-well").await?;
        let password = random_text(32)?;
        let user =
            cloud.value(&secret.arn, "AWSCURRENT").await?["username"].as_str().unwrap_or_default().to_owned();
        cloud.broker.management()?.create_user(&user, &password, &[]).await?;
        let version = secret.put(&json!({"password": password})).await?;
        secret.receipt(&version).await?;
        ensure!(secret.in_cluster().await?["password"] == password, "the old value");
        let object = secret.external_secret().await?;
        ensure!(
            !object.to_string().contains("uuid/") && !object.to_string().contains("secret2eks/unchecked"),
            "{object}"
        );
        let repeated = cloud.deliver(&secret.arn).await?.value()?;
        ensure!(repeated["warnings"].is_null(), "{repeated}");
        ensure!(cloud.alerts.about(&secret.arn).await?.is_empty(), "somebody was notified");
        Ok(())
    })
}

#[test]
fn a_value_that_the_broker_refuses_is_held_back_with_its_author_until_it_is_rolled_back() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Rotated::delivered(cloud, "stored-badly").await?;
        let before = secret.in_cluster().await?;
        let refused = secret.put(&json!({"password": random_text(32)?})).await?;
        let alert = secret.alert("delivery.held_back").await?.to_string();
        let user = before["username"].as_str();
        let root = format!("arn:aws:iam::{}:root", cloud.aws.account());
        for words in [user, &refused, &format!("Version {} logs in", secret.version), "PutSecretValue", &root]
        {
            ensure!(alert.contains(words), "the alert does not say {words}: {alert}");
        }
        ensure!(alert.contains("update-secret-version-stage") && alert.contains("CRITICAL"), "{alert}");

        // Also when the operator reads the secret by itself.
        secret.refreshes().await?;
        ensure!(secret.in_cluster().await? == before, "the operator took the refused value");
        let object = secret.external_secret().await?;
        let annotations = &object["metadata"]["annotations"];
        ensure!(annotations["secret2eks/version-id"] == secret.version.as_str(), "{annotations}");
        ensure!(annotations["secret2eks/held-back"] == refused.as_str(), "{annotations}");
        ensure!(cloud.tag_of(&secret.arn, RECEIPT).await?.as_deref() == Some(secret.version.as_str()));
        // A repeated request, such as that of the reconcile, changes nothing.
        let answer = cloud.deliver(&secret.arn).await?;
        ensure!(answer.kind() == "delivery.held_back", "{answer:?}");
        ensure!(secret.in_cluster().await? == before, "a repeated request delivered the refused value");

        secret.roll_back(&refused, &secret.version).await?;
        secret.closed().await?;
        until("the object reads what is current again", async || {
            Ok(!secret.external_secret().await?.to_string().contains("uuid/"))
        })
        .await?;
        ensure!(secret.in_cluster().await? == before, "another value");
        // The next rotation works.
        let version = cloud.rotate_successfully(&secret.arn).await?;
        secret.receipt(&version).await
    })
}

#[test]
fn a_refused_value_that_is_replaced_by_one_that_logs_in_is_forgotten() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Rotated::delivered(cloud, "replaced").await?;
        let good = cloud.value(&secret.arn, "AWSCURRENT").await?["password"].clone();
        secret.put(&json!({"password": random_text(32)?})).await?;
        secret.alert("delivery.held_back").await?;
        let version = secret.put(&json!({"password": good, "note": "corrected"})).await?;
        secret.receipt(&version).await?;
        secret.closed().await?;
        ensure!(!secret.external_secret().await?.to_string().contains("held-back"), "it is still pinned");
        Ok(())
    })
}

#[test]
fn a_value_that_cannot_be_checked_is_delivered_with_a_warning_and_checked_again() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Rotated::delivered(cloud, "emergency").await?;
        let value = cloud.value(&secret.arn, "AWSCURRENT").await?;
        // A broker that does not answer, such as the new one that is still being made.
        let elsewhere =
            json!({"brokerId": null, "host": "localhost", "port": 9, "managementUrl": "https://localhost:9"});
        let version = secret.put(&elsewhere).await?;
        secret.receipt(&version).await?;
        let alert = secret.alert("delivery.unchecked").await?.to_string();
        ensure!(alert.contains("could not be checked") && alert.contains(&version), "{alert}");
        let object = secret.external_secret().await?;
        ensure!(object["metadata"]["annotations"]["secret2eks/unchecked"] == version.as_str(), "{object}");

        // The reconcile requests it again.
        let again = cloud.deliver(&secret.arn).await?.value()?;
        ensure!(again["warnings"][0]["kind"] == "delivery.unchecked", "{again}");
        let back = json!({
            "host": null, "port": null, "managementUrl": null, "brokerId": value["brokerId"],
        });
        let version = secret.put(&back).await?;
        secret.receipt(&version).await?;
        secret.closed().await?;
        let object = secret.external_secret().await?;
        ensure!(object["metadata"]["annotations"]["secret2eks/unchecked"].is_null(), "{object:#}");
        Ok(())
    })
}

#[test]
fn a_secret_that_gitops_owns_is_held_back_until_the_operator_refreshes_it() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Rotated::delivered(cloud, "held-gitops").await?;
        cloud.set_tags(&secret.arn, &[("secret2eks/mode", "refresh")]).await?;
        secret.put(&json!({"password": random_text(32)?})).await?;
        let alert = secret.alert("delivery.held_back").await?.to_string();
        ensure!(alert.contains("The operator reads it by itself at"), "{alert}");
        ensure!(
            !secret.external_secret().await?.to_string().contains("uuid/"),
            "an object of GitOps was pinned"
        );
        Ok(())
    })
}

#[test]
fn a_secret_that_was_never_delivered_gets_no_object_for_a_refused_value() -> Result<()> {
    on_the_cluster(async |cloud| {
        let own = name("never");
        let app = cloud.create_app(&own).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let secret = Rotated { cloud, arn: app.arn.clone(), name: own.clone(), version: String::new() };
        secret.put(&json!({"password": random_text(32)?})).await?;
        super::routed::shared_namespace(cloud).await?;
        cloud.set_tags(&app.arn, &testbed::cloud::route_to(NAMESPACE, &own)).await?;
        let answer = cloud.deliver(&app.arn).await?;
        ensure!(answer.kind() == "delivery.held_back", "{answer:?}");
        ensure!(format!("{answer:?}").contains("The cluster has no version"), "{answer:?}");
        ensure!(cloud.kubernetes()?.external_secret(NAMESPACE, &own).await?.is_none(), "it was created");
        Ok(())
    })
}
