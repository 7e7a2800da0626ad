//! One attempt of a rotation, and the checks after every attempt.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde_json::{Value, json};
use testbed::aws::{Retry, Rotation, RotationOptions, Step, Token};

use super::end::End;
use super::hypothesis::Hypothesis;
use super::point::Turn;
use super::stand::{Account, RECEIPT, Stand};

const ROTATION_LIMIT: Duration = Duration::from_secs(120);
/// The time of three delivery events in which every call times out.
const DELIVERY_LIMIT: Duration = Duration::from_secs(120);
const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

impl Stand<'_> {
    /// Sets the retry option. No retry starts by itself, because the proof checks the state between two attempts.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn assume(&self, account: &Account, hypothesis: Hypothesis) -> Result<()> {
        let twice = if hypothesis == Hypothesis::Duplicate { STEPS.as_slice() } else { &[] };
        let options = RotationOptions {
            retry: Some(Retry::None),
            steps: Some(4),
            pending_after_promotion: Some(hypothesis.pending_after_promotion()),
            duplicate_steps: Some(twice.iter().map(|step| (*step).to_owned()).collect()),
            ..RotationOptions::default()
        };
        self.cloud.aws.set_rotation_options(Some(&account.secret), &options).await
    }

    /// Calls `RotateSecret`, and waits for the end of its attempt.
    ///
    /// # Errors
    /// When it does not start or does not end.
    pub async fn rotate(&self, account: &Account) -> Result<Rotation> {
        let version = self.start_rotation(account).await?;
        self.cloud.aws.wait_for_rotation(&account.secret, Some(&version), ROTATION_LIMIT).await
    }

    /// Runs the attempt of a turn, and returns how it ended. The attempt is a rotation or, after a failed rotation,
    /// Secrets Manager's next attempt.
    ///
    /// # Errors
    /// As [`Stand::rotate`] and [`Stand::settle`].
    pub async fn attempt(&self, account: &Account, turn: Turn) -> Result<(Rotation, End)> {
        let before = match turn {
            Turn::Undelivered => Some(self.told(account, false).await?),
            Turn::First | Turn::Later | Turn::Failing | Turn::Mending => None,
        };
        let rotation = match turn {
            Turn::Mending => self.retry(account, Token::Same).await?,
            Turn::First | Turn::Later | Turn::Failing | Turn::Undelivered => self.rotate(account).await?,
        };
        let heal = async {
            if let Some(before) = before.filter(|_| rotation.outcome == "succeeded") {
                self.a_delivery_is_given_up(account, &before).await?;
                self.cluster_works_again().await?;
            }
            anyhow::Ok(())
        };
        let (end, ()) = tokio::try_join!(self.settle(account, &rotation), heal)?;
        Ok((rotation, end))
    }

    /// Calls `RotateSecret`. Returns the new version.
    ///
    /// # Errors
    /// When Secrets Manager refuses.
    pub async fn start_rotation(&self, account: &Account) -> Result<String> {
        let rules = RotationRulesType::builder().automatically_after_days(1).build();
        let rotate = self.cloud.secrets.rotate_secret().secret_id(&account.secret).rotation_rules(rules);
        let started =
            rotate.rotation_lambda_arn(&self.rotation).send().await.context("no rotation started")?;
        started.version_id.context("a rotation without a version")
    }

    /// Starts Secrets Manager's own next attempt.
    ///
    /// # Errors
    /// As [`Stand::rotate`].
    pub async fn retry(&self, account: &Account, token: Token) -> Result<Rotation> {
        self.cloud.aws.resume_rotation(&account.secret, token).await?;
        self.cloud.aws.wait_for_rotation(&account.secret, None, ROTATION_LIMIT).await
    }

    /// Follows the playbook for a pending version that blocks rotations: removes AWSPENDING, then rotates.
    ///
    /// # Errors
    /// As [`Stand::rotate`].
    pub async fn rotate_by_the_playbook(&self, account: &Account) -> Result<Rotation> {
        self.remove_pending(account).await?;
        self.rotate(account).await
    }

    /// Removes AWSPENDING from a version that is not current.
    ///
    /// # Errors
    /// When Secrets Manager refuses.
    pub async fn remove_pending(&self, account: &Account) -> Result<()> {
        let secret = &account.secret;
        let (pending, current) = tokio::try_join!(
            self.cloud.version(secret, "AWSPENDING"),
            self.cloud.version(secret, "AWSCURRENT"),
        )?;
        if let Some(stuck) = pending.filter(|pending| Some(pending) != current.as_ref()) {
            let stage = self.cloud.secrets.update_secret_version_stage().secret_id(secret);
            stage.version_stage("AWSPENDING").remove_from_version_id(stuck).send().await?;
        }
        Ok(())
    }

    /// Waits until all work of an attempt has ended, each event for secret2eks included. Returns how the attempt ended.
    ///
    /// # Errors
    /// When a delivery does not end.
    pub async fn settle(&self, account: &Account, rotation: &Rotation) -> Result<End> {
        self.cloud.aws.wait_for_events(&self.delivery, DELIVERY_LIMIT).await?;
        if rotation.outcome != "succeeded" {
            let failed = failed_step(rotation).and_then(|step| step.error_type.clone());
            let kind = failed.with_context(|| format!("neither succeeded nor failed: {rotation:?}"))?;
            return Ok(End::Failed { kind });
        }
        let current = self.cloud.version(&account.secret, "AWSCURRENT").await?;
        let delivered = self.cloud.tag_of(&account.secret, RECEIPT).await?;
        Ok(if delivered == current { End::Converged } else { End::Undelivered })
    }

    /// The credentials that clients may use now: those in AWSCURRENT and in the cluster.
    ///
    /// # Errors
    /// When one of them is missing.
    pub async fn in_use(&self, account: &Account) -> Result<Vec<(&'static str, Value)>> {
        let current = self.cloud.value(&account.secret, "AWSCURRENT").await?;
        let current = json!({"username": current["username"], "password": current["password"]});
        let held = self.held(account).await?;
        Ok(vec![("AWSCURRENT", current), ("the Secret in the cluster", held)])
    }

    /// The check after every attempt. The credentials in AWSCURRENT, those in the cluster, and those in AWSCURRENT
    /// `before` the attempt must log in over AMQPS. Their users must have the application's permissions.
    ///
    /// # Errors
    /// When a condition is not met.
    pub async fn nothing_is_broken(&self, account: &Account, before: &Value) -> Result<()> {
        let mut seen: Vec<Value> = Vec::new();
        let before = ("what was AWSCURRENT before", before.clone());
        for (what, value) in self.in_use(account).await?.iter().chain([&before]) {
            if seen.contains(value) {
                continue;
            }
            ensure!(self.cloud.logs_in(value).await?, "{what} does not log in");
            let grants = self.broker.grants(value["username"].as_str().unwrap_or_default()).await?;
            ensure!(grants == account.grants, "the user of {what} may do {grants}, not {}", account.grants);
            seen.push(value.clone());
        }
        Ok(())
    }

    /// Checks that an attempt that failed before finishSecret has promoted no version.
    ///
    /// # Errors
    /// When a version other than `before` is current.
    pub async fn promoted_in_its_turn(&self, account: &Account, last: &Rotation, before: &str) -> Result<()> {
        let Some(step) = failed_step(last).filter(|step| step.step != "finishSecret") else { return Ok(()) };
        let current = self.cloud.version(&account.secret, "AWSCURRENT").await?;
        ensure!(current.as_deref() == Some(before), "{} failed, but its version is current", step.step);
        Ok(())
    }

    /// The check at the end. A version other than `before` is current, both users have the same permissions, the cluster
    /// contains AWSCURRENT, and nothing blocks the next rotation.
    ///
    /// # Errors
    /// When a condition is not met.
    pub async fn has_converged(&self, account: &Account, users: [&str; 2], before: &str) -> Result<()> {
        let secret = &account.secret;
        let current = self.cloud.version(secret, "AWSCURRENT").await?;
        ensure!(current.as_deref() != Some(before), "the old version is still current");
        let pending = self.cloud.version(secret, "AWSPENDING").await?;
        ensure!(pending.is_none() || pending == current, "AWSPENDING is attached to another version");
        for user in users {
            let grants = self.broker.grants(user).await?;
            ensure!(grants == account.grants, "`{user}` may do {grants}, not {}", account.grants);
        }
        let in_use = self.in_use(account).await?;
        ensure!(
            in_use.iter().all(|(_, value)| *value == in_use[0].1),
            "the cluster does not contain AWSCURRENT"
        );
        Ok(())
    }
}

/// The step that ended the last attempt.
pub fn failed_step(rotation: &Rotation) -> Option<&Step> {
    let steps = &rotation.attempts.last()?.steps;
    steps.iter().find(|step| step.outcome == "failed" && step.kind == "regular")
}
