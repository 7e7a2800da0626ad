//! A stack that is deployed with version 0.1 and updated in place, and its rotations.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use end_to_end::name;
use serde_json::{Value, json};
use testbed::aws::{Retry, Rotation, RotationOptions};
use testbed::cloud::{Alerts, App, Cloud, Variant, random_text};

use super::{LIMIT, release};

/// A stack to update, and the functions to rotate with it.
pub struct Stack<'a> {
    pub cloud: &'a Cloud,
    pub variant: Variant,
    /// The alerts of the topic in version 0.1.
    pub alerts: Alerts,
    parameters: Vec<(String, String)>,
}

impl<'a> Stack<'a> {
    pub async fn of_0_1(cloud: &'a Cloud, prefix: &str, parameters: &[(&str, &str)]) -> Result<Self> {
        let name = name(prefix);
        let own = [("SecretNamePrefix", format!("{name}/")), ("CallTimeoutSeconds", "4".to_owned())];
        let given = parameters.iter().map(|(key, value)| (*key, (*value).to_owned()));
        let parameters: Vec<_> = own.into_iter().chain(given).map(|(k, v)| (k.to_owned(), v)).collect();
        let variant = cloud.deploy_release(&release::of_0_1()?, &name, &borrowed(&parameters)).await?;
        cloud.tell_of_rotations(&variant).await?;
        let alerts = cloud.alerts_of(&variant).await?;
        Ok(Self { cloud, variant, alerts, parameters })
    }

    /// Updates the same stack with the same parameters to the current template.
    pub async fn update(&mut self) -> Result<()> {
        let parameters = borrowed(&self.parameters);
        let name = self.variant.name.clone();
        self.variant = self.cloud.deploy_variant(&name, &parameters, &[]).await.context("the update")?;
        self.cloud.tell_of_rotations(&self.variant).await
    }

    pub async fn pair(&self, user: &str, changes: &Value) -> Result<App> {
        let (cloud, stack) = (self.cloud, &self.variant.name);
        let (user, password) = (format!("{stack}-{user}"), random_text(32)?);
        let management = cloud.broker.management()?;
        management.create_user(&user, &password, &[]).await?;
        management.set_permissions(&user, "/", ["", "^orders$", "^orders$"]).await?;
        let mut value = json!({"engine": "rabbitmq", "brokerId": cloud.broker_id,
            "masterarn": cloud.admin_secret, "username": user, "password": password});
        for (field, change) in changes.as_object().into_iter().flatten() {
            value[field] = change.clone();
        }
        let arn = cloud.create_secret(&format!("{stack}/{user}"), &value.to_string()).await?;
        let nothing = RotationOptions { retry: Some(Retry::None), ..RotationOptions::default() };
        cloud.aws.set_rotation_options(Some(&arn), &nothing).await?;
        Ok(App { user, arn })
    }

    pub async fn take_pending_off(&self, pair: &App) -> Result<()> {
        let pending = self.cloud.version(&pair.arn, "AWSPENDING").await?;
        let current = self.cloud.version(&pair.arn, "AWSCURRENT").await?;
        if let Some(stuck) = pending.filter(|pending| Some(pending) != current.as_ref()) {
            let stage = self.cloud.secrets.update_secret_version_stage().secret_id(&pair.arn);
            stage.version_stage("AWSPENDING").remove_from_version_id(stuck).send().await?;
        }
        Ok(())
    }

    pub async fn rotates(&self, pair: &App) -> Result<String> {
        let rotation = self.attempt(pair).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:#?}");
        Ok(rotation.version_id)
    }

    pub async fn attempt(&self, pair: &App) -> Result<Rotation> {
        self.plays(pair, 4).await?;
        let version = self.starts(pair).await?;
        self.cloud.aws.wait_for_rotation(&pair.arn, Some(&version), LIMIT).await
    }

    /// The part of Secrets Manager in a rotation, without any step.
    pub async fn begins(&self, pair: &App) -> Result<String> {
        self.plays(pair, 0).await?;
        let version = self.starts(pair).await?;
        self.cloud.aws.wait_for_rotation(&pair.arn, Some(&version), LIMIT).await?;
        self.plays(pair, 4).await?;
        Ok(version)
    }

    async fn plays(&self, pair: &App, steps: u32) -> Result<()> {
        let options = RotationOptions { steps: Some(steps), ..RotationOptions::default() };
        self.cloud.aws.set_rotation_options(Some(&pair.arn), &options).await
    }

    async fn starts(&self, pair: &App) -> Result<String> {
        let rules = RotationRulesType::builder().automatically_after_days(1).build();
        let rotate = self.cloud.secrets.rotate_secret().secret_id(&pair.arn).rotation_rules(rules);
        let started = rotate.rotation_lambda_arn(&self.variant.function).send().await?;
        started.version_id.context("a rotation without a version")
    }

    pub async fn steps(&self, pair: &App, token: &str, steps: &[&str]) -> Result<()> {
        for step in steps {
            let event = json!({"Step": step, "SecretId": pair.arn, "ClientRequestToken": token});
            let answer = self.cloud.invoke_function(&self.variant.function, &event).await?;
            answer.value().with_context(|| (*step).to_owned())?;
        }
        Ok(())
    }
}

fn borrowed(parameters: &[(String, String)]) -> Vec<(&str, &str)> {
    parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}
