//! An application's broker user and its secret, as a deployment creates them.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use aws::Rotation;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretError;
use aws_sdk_secretsmanager::operation::rotate_secret::RotateSecretOutput;
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde_json::{Value, json};

use super::{Cloud, tag};

const ROTATION_LIMIT: Duration = Duration::from_secs(90);

/// A secret and its first broker user.
#[derive(Debug, Clone)]
pub struct App {
    /// The first user of the pair.
    pub user: String,
    /// The secret's ARN.
    pub arn: String,
}

/// `length` random hexadecimal digits, for passwords and names of tests.
///
/// # Errors
/// When the system returns no random bytes.
pub fn random_text(length: usize) -> Result<String> {
    use std::io::Read as _;
    let mut bytes = vec![0_u8; length.div_ceil(2)];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(length);
    Ok(text)
}

impl Cloud {
    /// Creates a broker user with permissions on `/`, and its secret for rotation with the admin secret.
    ///
    /// # Errors
    /// When the broker or Secrets Manager refuses.
    pub async fn create_app(&self, user: &str) -> Result<App> {
        self.create_app_with(user, &json!({})).await
    }

    /// As [`Cloud::create_app`], but the fields in `changes` replace those of the value. A null removes a field.
    ///
    /// # Errors
    /// When the broker or Secrets Manager refuses.
    pub async fn create_app_with(&self, user: &str, changes: &Value) -> Result<App> {
        let password = random_text(32)?;
        let management = self.broker.management()?;
        management.create_user(user, &password, &[]).await?;
        management.set_permissions(user, "/", ["", "^orders$", "^orders$"]).await?;
        let mut value = json!({
            "engine": "rabbitmq", "brokerId": self.broker_id, "masterarn": self.admin_secret,
            "username": user, "password": password,
        });
        for (field, change) in changes.as_object().into_iter().flatten() {
            value[field] = change.clone();
        }
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        let arn = self.create_secret(&format!("rabbitmq/{user}"), &value.to_string()).await?;
        Ok(App { user: user.to_owned(), arn })
    }

    /// As [`Cloud::create_app`], with explicit endpoints in the secret and in a new admin secret. A test uses it to put
    /// a proxy between the function and the broker.
    ///
    /// # Errors
    /// When the broker or Secrets Manager refuses.
    pub async fn create_app_at(&self, user: &str, amqps_port: u16, management_url: &str) -> Result<App> {
        let mut changes = json!({
            "brokerId": null, "host": "localhost", "port": amqps_port, "managementUrl": management_url,
        });
        changes["masterarn"] = json!(self.create_admin(user, &changes).await?);
        self.create_app_with(user, &changes).await
    }

    /// Creates one more admin secret for the node's administrator, with fields replaced by `changes`. Returns its ARN.
    ///
    /// # Errors
    /// When Secrets Manager refuses.
    pub async fn create_admin(&self, name: &str, changes: &Value) -> Result<String> {
        let mut value = json!({
            "engine": "rabbitmq", "brokerId": self.broker_id,
            "username": self.broker.admin_user(), "password": self.broker.admin_password(),
        });
        for (field, change) in changes.as_object().into_iter().flatten() {
            value[field] = change.clone();
        }
        self.create_tagged_secret(&format!("rabbitmq-admin/{name}"), &value.to_string(), "admin").await
    }

    /// Creates a secret that rotation-mq may rotate, with any text as its value. Returns its ARN.
    ///
    /// # Errors
    /// When Secrets Manager refuses.
    pub async fn create_secret(&self, name: &str, text: &str) -> Result<String> {
        self.create_tagged_secret(name, text, "rotate").await
    }

    pub(super) async fn create_tagged_secret(
        &self,
        name: &str,
        text: &str,
        rotation: &str,
    ) -> Result<String> {
        let created = self
            .secrets
            .create_secret()
            .name(name)
            .secret_string(text)
            .tags(tag("rotation-mq", rotation))
            .send()
            .await
            .with_context(|| format!("secret {name} was not created"))?;
        created.arn.context("a secret without an ARN")
    }

    /// Calls `RotateSecret`, as SecOps or a schedule does. Returns the id of the new version.
    ///
    /// # Errors
    /// When Secrets Manager refuses.
    pub async fn start_rotation(&self, arn: &str) -> Result<String> {
        let started = self.rotate_secret(arn, true).await?;
        started.version_id.context("a rotation without a version")
    }

    /// Calls `RotateSecret` with `RotateImmediately=false`, which runs only testSecret. Waits for its end.
    ///
    /// # Errors
    /// When it does not start or does not end.
    pub async fn test_rotation(&self, arn: &str) -> Result<Rotation> {
        self.rotate_secret(arn, false).await?;
        self.aws.wait_for_rotation(arn, None, ROTATION_LIMIT).await
    }

    async fn rotate_secret(&self, arn: &str, immediately: bool) -> Result<RotateSecretOutput> {
        self.secrets
            .rotate_secret()
            .secret_id(arn)
            .rotate_immediately(immediately)
            .rotation_lambda_arn(self.rotation_function()?)
            .rotation_rules(RotationRulesType::builder().automatically_after_days(1).build())
            .send()
            .await
            .with_context(|| format!("the rotation of {arn} was not started"))
    }

    /// Rotates and waits for the end, successful or not.
    ///
    /// # Errors
    /// When it does not start or does not end.
    pub async fn rotate(&self, arn: &str) -> Result<Rotation> {
        let version = self.start_rotation(arn).await?;
        self.aws.wait_for_rotation(arn, Some(&version), ROTATION_LIMIT).await
    }

    /// Rotates and requires success. Returns the id of the new version.
    ///
    /// # Errors
    /// When the rotation does not succeed. The message contains the answers of its steps.
    pub async fn rotate_successfully(&self, arn: &str) -> Result<String> {
        let rotation = self.rotate(arn).await?;
        if rotation.outcome != "succeeded" {
            bail!("the rotation of {arn} ended as {rotation:#?}");
        }
        Ok(rotation.version_id)
    }

    /// The current value of the version with this staging label.
    ///
    /// # Errors
    /// When there is none.
    pub async fn value(&self, arn: &str, stage: &str) -> Result<Value> {
        let answer = self
            .secrets
            .get_secret_value()
            .secret_id(arn)
            .version_stage(stage)
            .send()
            .await
            .with_context(|| format!("{arn} has no value for {stage}"))?;
        Ok(serde_json::from_str(answer.secret_string().unwrap_or_default())?)
    }

    /// The version to which this staging label is attached.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn version(&self, arn: &str, stage: &str) -> Result<Option<String>> {
        let description = self.secrets.describe_secret().secret_id(arn).send().await?;
        Ok(description
            .version_ids_to_stages
            .unwrap_or_default()
            .into_iter()
            .find(|(_, stages)| stages.iter().any(|s| s == stage))
            .map(|(id, _)| id))
    }

    /// Whether the secret exists.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn has_secret(&self, arn: &str) -> Result<bool> {
        let Err(error) = self.secrets.describe_secret().secret_id(arn).send().await else { return Ok(true) };
        let is_missing =
            error.as_service_error().is_some_and(DescribeSecretError::is_resource_not_found_exception);
        if is_missing { Ok(false) } else { Err(error).with_context(|| format!("no description of {arn}")) }
    }

    /// Whether the broker accepts the credentials in `value` over AMQPS.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn logs_in(&self, value: &Value) -> Result<bool> {
        let text = |field: &str| value[field].as_str().with_context(|| format!("no {field}"));
        self.broker.can_log_in(text("username")?, text("password")?).await
    }
}
