//! A secret of one row, through public endpoints.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use serde_json::{Value, json};

use crate::probe::Invocation;
use crate::target::Target;
use crate::verdict::{contradiction, holds};

/// What all values begin with. They are no secrets; even so, no output may contain them.
pub const VALUE: &str = "conf-value-";
/// The value of a new secret.
pub const FIRST: &str = "conf-value-first";
/// A second value.
pub const SECOND: &str = "conf-value-second";
/// A third value.
pub const THIRD: &str = "conf-value-third";

/// A secret of one row.
#[derive(Debug)]
pub struct Secret<'t> {
    /// Where it is.
    pub target: &'t Target,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its first version.
    pub first: String,
}

impl Secret<'_> {
    /// Its description.
    ///
    /// # Errors
    /// When it cannot be described.
    pub async fn describe(&self) -> Result<DescribeSecretOutput> {
        Ok(self.target.secrets.describe_secret().secret_id(&self.arn).send().await?)
    }

    /// The labels of a version, sorted; empty if it has none or does not exist.
    ///
    /// # Errors
    /// When the secret cannot be described.
    pub async fn labels(&self, version: &str) -> Result<Vec<String>> {
        let mut labels = self
            .describe()
            .await?
            .version_ids_to_stages
            .unwrap_or_default()
            .remove(version)
            .unwrap_or_default();
        labels.sort();
        Ok(labels)
    }

    /// The version with a label.
    ///
    /// # Errors
    /// When the secret cannot be described.
    pub async fn holder(&self, label: &str) -> Result<Option<String>> {
        let versions = self.describe().await?.version_ids_to_stages.unwrap_or_default();
        let found = versions.into_iter().find(|(_, labels)| labels.iter().any(|held| held == label));
        Ok(found.map(|(version, _)| version))
    }

    /// The version must have exactly these labels.
    ///
    /// # Errors
    /// When it has others.
    pub async fn must_have(&self, which: &str, version: &str, labels: &[&str]) -> Result<()> {
        let found = self.labels(version).await?;
        holds(found == labels, || {
            format!("the labels of the {which} version: {found:?} instead of {labels:?}")
        })
    }

    /// AWSCURRENT must hold this value.
    ///
    /// # Errors
    /// When it holds another, which the error does not name.
    pub async fn must_hold(&self, value: &str) -> Result<()> {
        let read = self.target.secrets.get_secret_value().secret_id(&self.arn).send().await?;
        let is_same = read.secret_string.as_deref() == Some(value);
        holds(is_same, || "AWSCURRENT holds another value than expected".to_owned())
    }

    /// Stores a value under a token with labels. Returns the version.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn put(&self, value: &str, token: &str, labels: &[&str]) -> Result<String> {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let put = self.target.secrets.put_secret_value().secret_id(&self.arn).secret_string(value);
        let put = put.client_request_token(token).set_version_stages(Some(labels));
        put.send().await?.version_id.context("no version")
    }

    /// Moves AWSCURRENT.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn promote(&self, to: &str, from: &str) -> Result<()> {
        let update = self.target.secrets.update_secret_version_stage().secret_id(&self.arn);
        let update = update.version_stage("AWSCURRENT").move_to_version_id(to).remove_from_version_id(from);
        update.send().await?;
        Ok(())
    }

    /// Removes AWSPENDING from a version.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn take_pending_off(&self, version: &str) -> Result<()> {
        let update = self.target.secrets.update_secret_version_stage().secret_id(&self.arn);
        update.version_stage("AWSPENDING").remove_from_version_id(version).send().await?;
        Ok(())
    }

    /// Sets the probe's script: an object from step to actions.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn script(&self, script: &Value) -> Result<()> {
        self.target.probe()?.script(&self.arn, script).await
    }

    /// The usual function: a value in the first step, the promotion in the last.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn script_success(&self) -> Result<()> {
        self.script(&json!({"createSecret": [put(SECOND)], "finishSecret": [{"do": "promote"}]})).await
    }

    /// Starts a rotation with the probe. Returns its version.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn rotate(&self) -> Result<String> {
        let function = self.target.probe()?.output("ProbeArn")?;
        let rotate = self.target.secrets.rotate_secret().secret_id(&self.arn).rotation_lambda_arn(function);
        rotate.send().await?.version_id.context("RotateSecret returned no version")
    }

    /// Starts a rotation and waits until its version is AWSCURRENT and all four steps have ended.
    ///
    /// # Errors
    /// A contradiction when a step fails.
    pub async fn rotate_successfully(&self) -> Result<String> {
        let version = self.rotate().await?;
        self.target
            .eventually("the end of a rotation", async || {
                let steps = self.steps_of(&version).await?;
                if let Some(failed) = steps.iter().find(|step| step.outcome == "failed") {
                    return Err(contradiction(format!("{} failed: {}", failed.step, failed.error)));
                }
                let is_over = steps.iter().any(|step| step.step == "finishSecret" && step.has_ended());
                Ok(is_over.then_some(()))
            })
            .await?;
        Ok(version)
    }

    /// Starts a rotation and waits until one of its steps has failed. Returns its version.
    ///
    /// # Errors
    /// When no step fails in time.
    pub async fn rotate_in_vain(&self) -> Result<String> {
        let version = self.rotate().await?;
        self.failed_step(&version).await?;
        Ok(version)
    }

    /// Waits for the step of this version that failed, or that ended without an answer.
    ///
    /// # Errors
    /// When no step fails in time.
    pub async fn failed_step(&self, version: &str) -> Result<Invocation> {
        self.target
            .eventually("a step that fails", async || {
                let steps = self.steps_of(version).await?;
                Ok(steps.into_iter().find(|step| ["failed", "exited"].contains(&step.outcome.as_str())))
            })
            .await
    }

    /// What the probe recorded of this secret, in the order of the invocations.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn steps(&self) -> Result<Vec<Invocation>> {
        self.target.probe()?.invocations(&self.arn).await
    }

    /// As [`Secret::steps`], of one version.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn steps_of(&self, version: &str) -> Result<Vec<Invocation>> {
        let mut steps = self.steps().await?;
        steps.retain(|step| step.token == version);
        Ok(steps)
    }

    /// Waits as long as nothing may happen, then counts the steps.
    ///
    /// # Errors
    /// A contradiction when there are more.
    pub async fn no_further_step(&self, expected: usize) -> Result<()> {
        tokio::time::sleep(self.target.pace.quiet).await;
        let count = self.steps().await?.len();
        holds(count == expected, || format!("the function was invoked {count} times instead of {expected}"))
    }
}

/// The action that stores a value as AWSPENDING.
#[must_use]
pub fn put(value: &str) -> Value {
    json!({"do": "put", "value": value})
}

/// The action that fails.
#[must_use]
pub fn fail() -> Value {
    json!({"do": "fail", "type": "Probe.Asked", "message": "as the script says"})
}

/// A new token in the form of a version id.
#[must_use]
pub fn token() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Unlike a version of another secret, it is unique only within its secret.
    format!("c04f0000-0000-4000-8000-{:012}", NEXT.fetch_add(1, Ordering::Relaxed))
}
