//! One attempt of a rotation, and what must be true after every one.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde_json::{Value, json};

use super::evidence::Told;
use super::hypothesis::Hypothesis;
use super::stand::{Account, NAMESPACE, RECEIPT, Stand};
use crate::aws::{Retry, Rotation, RotationOptions, Step, Token};
use crate::kubernetes::secret_with;

const ROTATION_LIMIT: Duration = Duration::from_secs(120);
/// Three events of a delivery whose every call runs into its timeout.
const DELIVERY_LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(30);
/// A delivery that ends well is seen by its receipt; the queues are asked less often.
const LOOKS_AT_A_RECEIPT: u32 = 6;
const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
/// setSecret's refusal, which asks for delivery.
const UNDELIVERED: &str = "distribution.undelivered";

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The new version is current, both users may do the same, and the cluster holds it.
    Converged,
    /// The rotation succeeded, but the cluster does not hold it.
    Undelivered,
    /// A step failed.
    Failed {
        /// `errorType`
        kind: String,
    },
}

/// The credentials that somebody may use at one moment.
#[derive(Debug, Clone)]
pub struct InUse {
    /// The version that is AWSCURRENT.
    version: String,
    current: Value,
    /// What the cluster holds.
    held: Value,
}

impl InUse {
    fn each(&self) -> [(&'static str, &Value); 2] {
        [("AWSCURRENT", &self.current), ("what the cluster holds", &self.held)]
    }
}

impl Stand<'_> {
    /// Says what follows a failed attempt: nothing by itself, because a proof looks at the state in between.
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

    /// `RotateSecret`, and waits for the end of its attempt.
    ///
    /// # Errors
    /// When it does not start or does not end.
    pub async fn rotate(&self, account: &Account) -> Result<Rotation> {
        let version = self.start_rotation(account).await?;
        self.cloud.aws.wait_for_rotation(&account.secret, Some(&version), ROTATION_LIMIT).await
    }

    /// `RotateSecret`; the new version.
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

    /// Secrets Manager's own next attempt.
    ///
    /// # Errors
    /// As [`Stand::rotate`].
    pub async fn retry(&self, account: &Account, token: Token) -> Result<Rotation> {
        self.cloud.aws.resume_rotation(&account.secret, token).await?;
        self.cloud.aws.wait_for_rotation(&account.secret, None, ROTATION_LIMIT).await
    }

    /// What the playbook says of a stuck pending version: take it off, then rotate.
    ///
    /// # Errors
    /// As [`Stand::rotate`].
    pub async fn rotate_by_the_playbook(&self, account: &Account) -> Result<Rotation> {
        let secret = &account.secret;
        let (pending, current) = tokio::try_join!(
            self.cloud.version(secret, "AWSPENDING"),
            self.cloud.version(secret, "AWSCURRENT"),
        )?;
        if let Some(stuck) = pending.filter(|pending| Some(pending) != current.as_ref()) {
            let stage = self.cloud.secrets.update_secret_version_stage().secret_id(secret);
            stage.version_stage("AWSPENDING").remove_from_version_id(stuck).send().await?;
        }
        self.rotate(account).await
    }

    /// Waits until nothing goes on any more after an attempt, and says how it ended.
    ///
    /// # Errors
    /// When a delivery neither ends well nor is told to have failed.
    pub async fn settle(&self, account: &Account, rotation: &Rotation, before: &Told) -> Result<End> {
        let failed = failed_step(rotation);
        let kind = failed.map(|step| step.error_type.clone().unwrap_or_default());
        if rotation.outcome != "succeeded" {
            let kind = kind.with_context(|| format!("neither succeeded nor failed: {rotation:?}"))?;
            if kind == UNDELIVERED {
                self.wait_for_delivery(account, before).await?;
            }
            return Ok(End::Failed { kind });
        }
        Ok(if self.wait_for_delivery(account, before).await? { End::Converged } else { End::Undelivered })
    }

    async fn wait_for_delivery(&self, account: &Account, before: &Told) -> Result<bool> {
        let began = Instant::now();
        let current = self.cloud.version(&account.secret, "AWSCURRENT").await?;
        for look in 1.. {
            tokio::time::sleep(LOOK).await;
            if self.cloud.tag_of(&account.secret, RECEIPT).await? == current {
                return Ok(true);
            }
            if look % LOOKS_AT_A_RECEIPT != 0 {
                continue;
            }
            if self.told(account, false).await?.of_a_failed_delivery(before) {
                return Ok(false);
            }
            if began.elapsed() > DELIVERY_LIMIT {
                bail!("after {DELIVERY_LIMIT:?} it is neither delivered nor told to have failed");
            }
        }
        Ok(false)
    }

    /// The credentials that somebody may use now: AWSCURRENT, and what the cluster holds.
    ///
    /// # Errors
    /// When one of them is not there.
    pub async fn in_use(&self, account: &Account) -> Result<InUse> {
        let version = self.cloud.version(&account.secret, "AWSCURRENT").await?;
        let current = self.cloud.value(&account.secret, "AWSCURRENT").await?;
        let current = json!({"username": current["username"], "password": current["password"]});
        let held = secret_with(self.cluster.clone(), NAMESPACE, &account.object).await?;
        let held = json!(held.context("the cluster holds no Secret")?);
        Ok(InUse { version: version.context("nothing is current")?, current, held })
    }

    /// What must be true after every attempt: what is in use now, and what was `before` the attempt, logs in over AMQPS,
    /// and the users may do what the application may. What was in use before stands for every moment between: nothing
    /// gives a user its old password back. But a late delivery may have brought what was AWSCURRENT into the cluster
    /// meanwhile; then what the cluster held before is in use no more.
    ///
    /// # Errors
    /// Says what is not so.
    pub async fn nothing_is_broken(&self, account: &Account, before: &InUse) -> Result<()> {
        let overtaken = before.held != before.current && self.has_delivered(&before.version)?;
        let now = self.in_use(account).await?;
        let mut seen: Vec<Value> = Vec::new();
        for (what, value) in now.each().into_iter().chain(before.each()) {
            if seen.contains(value) || overtaken && *value == before.held {
                continue;
            }
            ensure!(self.cloud.logs_in(value).await?, "{what} does not log in");
            let grants = self.broker.grants(value["username"].as_str().unwrap_or_default()).await?;
            ensure!(grants == account.grants, "the user of {what} may do {grants}, not {}", account.grants);
            seen.push(value.clone());
        }
        Ok(())
    }

    /// Whether secret2eks has said that the cluster holds a version.
    fn has_delivered(&self, version: &str) -> Result<bool> {
        let said = format!("holds version {version} in");
        Ok(self.cloud.aws.function_log(&self.delivery)?.iter().any(|line| line.contains(&said)))
    }

    /// An attempt that failed before finishSecret has promoted nothing, whatever happened to it.
    ///
    /// # Errors
    /// When another version than `before` is current.
    pub async fn promoted_in_its_turn(&self, account: &Account, last: &Rotation, before: &str) -> Result<()> {
        let Some(step) = failed_step(last).filter(|step| step.step != "finishSecret") else { return Ok(()) };
        let current = self.cloud.version(&account.secret, "AWSCURRENT").await?;
        ensure!(current.as_deref() == Some(before), "{} failed, but its version is current", step.step);
        Ok(())
    }

    /// What must be true in the end: another version is current than `before`, both users may do the same, the cluster
    /// holds AWSCURRENT, and nothing hinders the next rotation.
    ///
    /// # Errors
    /// Says what is not so.
    pub async fn has_converged(&self, account: &Account, users: [&str; 2], before: &str) -> Result<()> {
        let secret = &account.secret;
        let current = self.cloud.version(secret, "AWSCURRENT").await?;
        ensure!(current.as_deref() != Some(before), "the old version is still current");
        let pending = self.cloud.version(secret, "AWSPENDING").await?;
        ensure!(pending.is_none() || pending == current, "AWSPENDING stands on another version");
        for user in users {
            let grants = self.broker.grants(user).await?;
            ensure!(grants == account.grants, "`{user}` may do {grants}, not {}", account.grants);
        }
        let in_use = self.in_use(account).await?;
        ensure!(in_use.held == in_use.current, "the cluster does not hold AWSCURRENT");
        Ok(())
    }
}

/// The step that ended the last attempt.
pub fn failed_step(rotation: &Rotation) -> Option<&Step> {
    let steps = &rotation.attempts.last()?.steps;
    steps.iter().find(|step| step.outcome == "failed" && step.kind == "regular")
}
