//! Who reads the secrets, and who changes what protects them: CloudTrail's events, from the rule to the alert.

mod closing;
mod protection;
mod quiet;
mod reads;

use anyhow::{Result, ensure};
use end_to_end::name;
use serde_json::{Value, json};
use testbed::aws::RotationOptions;
use testbed::cloud::Cloud;

use crate::actors::actor::{Actor, allow};
use crate::failure_path::Path;

/// A stack of its own that receives the events about its own secrets.
pub struct Watch {
    pub path: Path,
    /// With what the names of its secrets begin.
    prefix: String,
}

impl Watch {
    /// A stack whose readers are the roles with a name that begins with `readers`.
    pub async fn deploy(
        cloud: &Cloud,
        title: &str,
        readers: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Self> {
        let prefix = format!("rabbitmq/{}-", name(title));
        let readers = roles(cloud, readers);
        let mut all = vec![("SecretNamePrefix", prefix.as_str()), ("SecretReaders", readers.as_str())];
        all.extend(parameters);
        let path = Path::deploy(cloud, title, &all).await?;
        cloud.tell_of_changes(&path.variant).await?;
        Ok(Self { path, prefix })
    }

    /// A name of a broker user whose secret belongs to the stack.
    pub fn name_of(&self, user: &str) -> String {
        format!("{}{user}", self.prefix.trim_start_matches("rabbitmq/"))
    }

    /// A secret of the stack, and its calls are in the trail. Returns its name and its ARN.
    pub async fn secret(&self, cloud: &Cloud) -> Result<(String, String)> {
        let secret = format!("{}{}", self.prefix, name("secret"));
        let arn = cloud.create_secret(&secret, r#"{"password":"hidden"}"#).await?;
        trace(cloud, &secret, RotationOptions::default()).await?;
        Ok((secret, arn))
    }

    /// What is told about the secret when all events are handled.
    pub async fn told(&self, arn: &str) -> Result<Vec<Value>> {
        self.path.is_empty().await?;
        self.path.alerts.about(arn).await
    }

    pub async fn is_silent(&self, arn: &str) -> Result<()> {
        let alerts = self.told(arn).await?;
        ensure!(alerts.is_empty(), "{alerts:#?}");
        Ok(())
    }
}

/// The roles of the account whose names begin with `prefix`.
pub fn roles(cloud: &Cloud, prefix: &str) -> String {
    format!("arn:aws:iam::{}:role/{prefix}*", cloud.aws.account())
}

/// Switches CloudTrail's events of the secret's calls on.
pub async fn trace(cloud: &Cloud, secret: &str, options: RotationOptions) -> Result<()> {
    let options = RotationOptions { api_events: Some(true), ..options };
    cloud.aws.set_rotation_options(Some(secret), &options).await
}

/// A role that may read every secret.
pub async fn reader<'a>(cloud: &'a Cloud, title: &str) -> Result<Actor<'a>> {
    Actor::with(cloud, title, &[allow(&["secretsmanager:GetSecretValue"], &["*"])]).await
}

pub async fn read(actor: &Actor<'_>, secret: &str) -> Result<()> {
    actor.secrets.get_secret_value().secret_id(secret).send().await?;
    Ok(())
}

pub fn kinds(alerts: &[Value]) -> Vec<&str> {
    alerts.iter().filter_map(|alert| alert["metadata"]["additionalContext"]["kind"].as_str()).collect()
}

/// A request to close the incident of access of that subject.
pub fn close(subject: &str, reason: &str) -> Value {
    json!({
        "schema": "incident-close/1", "subject": subject, "area": "access",
        "by": "arn:aws:sts::000000000000:assumed-role/SecOps/ada", "reason": reason,
    })
}
