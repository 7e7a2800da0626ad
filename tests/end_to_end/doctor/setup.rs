//! A stack of its own with a cluster, an admin secret, a rotated and delivered secret, and a trail.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, programs};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, Variant, random_text, route_to, tag};
use testbed::kubernetes::{CLUSTER, StoreScope};
use testbed::schema::valid;

use super::seen::Seen;
use crate::actors::actor::Actor;
use crate::support::run_cli;

const LIMIT: Duration = Duration::from_secs(90);
/// What the operator of the testbed does not have: the Deployment that Helm creates.
const DEPLOYMENT: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: external-secrets}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: external-secrets, namespace: external-secrets}
spec:
  selector: {matchLabels: {app: external-secrets}}
  template:
    metadata: {labels: {app: external-secrets}}
    spec:
      containers:
        - name: external-secrets
          image: ghcr.io/external-secrets/external-secrets:VERSION
"#;

/// A sound set-up.
pub struct SetUp {
    pub cloud: &'static Cloud,
    pub variant: Variant,
    /// The prefix of its secrets, its namespace, and the name of its stack.
    pub own: String,
    /// The name of the secret that is rotated and delivered.
    pub secret: String,
    /// The ARN of its admin secret.
    pub admin: String,
    /// The id of the customer managed key.
    pub key: String,
}

impl SetUp {
    pub async fn make(cloud: &'static Cloud) -> Result<Self> {
        let own = name("doctor");
        let key = run_cli(cloud, &["kms", "create-key"]).await?;
        let key = key["KeyMetadata"]["Arn"].as_str().context("no key")?.to_owned();
        let variant = deploy(cloud, &own, &key, &[]).await?;
        // Somebody hears the alerts.
        cloud.alerts_of(&variant).await?;
        let (names, kubernetes) = (format!("{own}/"), cloud.kubernetes()?);
        let scope = StoreScope { prefix: &names, ..StoreScope::default() };
        kubernetes.create_scoped_namespace(&cloud.aws, &own, &[], scope).await?;
        for trail in [
            &["create-trail", "--name", "doctor", "--s3-bucket-name", "trail"][..],
            &["start-logging", "--name", "doctor"],
        ] {
            run_cli(cloud, &[&["cloudtrail"], trail].concat()).await?;
        }
        let mut setup = Self { cloud, variant, own, secret: String::new(), admin: String::new(), key };
        setup.run_the_operator("v2.9.0").await?;
        let broker = &cloud.broker;
        let admin = json!({"engine": "rabbitmq", "brokerId": cloud.broker_id,
            "username": broker.admin_user(), "password": broker.admin_password()});
        let tags = [("rotation-mq", "admin")];
        setup.admin = setup.store(&format!("{}-admin/testbed", setup.own), &admin.to_string(), &tags).await?;
        let mut tags = route_to(&setup.own, "sound").to_vec();
        tags.push(("rotation-mq", "rotate"));
        setup.secret = format!("{}/sound", setup.own);
        let arn = setup.rotated("sound", &tags).await?;
        let version = cloud.version(&arn, "AWSCURRENT").await?.context("nothing is AWSCURRENT")?;
        cloud.wait_for_tag(&arn, "secret2eks/delivered", &version, LIMIT).await?;
        Ok(setup)
    }

    /// Deploys the stack again with other parameters.
    pub async fn deploy_with(&self, parameters: &[(&str, &str)]) -> Result<()> {
        deploy(self.cloud, &self.own, &self.key, parameters).await.map(drop)
    }

    /// Lets the Deployment of the operator have this version.
    pub async fn run_the_operator(&self, version: &str) -> Result<()> {
        self.cloud.kubernetes()?.apply_manifests(&DEPLOYMENT.replace("VERSION", version)).await
    }

    /// Stores a secret with these tags. Returns its ARN.
    pub async fn store(&self, name: &str, value: &str, tags: &[(&str, &str)]) -> Result<String> {
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
        let create = self.cloud.secrets.create_secret().name(name).secret_string(value);
        create.set_tags(Some(tags)).send().await?.arn.context("no ARN")
    }

    /// Creates a broker user and its secret, and turns rotation on, with a first rotation.
    pub async fn rotated(&self, own: &str, tags: &[(&str, &str)]) -> Result<String> {
        let arn = self.with_user(own, tags).await?;
        let rotate = ["secretsmanager", "rotate-secret", "--secret-id", &arn, "--rotation-lambda-arn"];
        let rules = ["--rotation-rules", r#"{"ScheduleExpression":"rate(1 day)"}"#];
        run_cli(self.cloud, &[&rotate[..], &[&self.variant.function], &rules].concat()).await?;
        let rotation = self.cloud.aws.wait_for_rotation(&arn, None, LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        Ok(arn)
    }

    /// Creates a broker user and its secret.
    pub async fn with_user(&self, own: &str, tags: &[(&str, &str)]) -> Result<String> {
        let (user, password) = (format!("{}-{own}", self.own), random_text(32)?);
        let management = self.cloud.broker.management()?;
        management.create_user(&user, &password, &[]).await?;
        management.set_permissions(&user, "/", ["", "^orders$", "^orders$"]).await?;
        let value = json!({"engine": "rabbitmq", "brokerId": self.cloud.broker_id, "masterarn": self.admin,
            "username": user, "password": password});
        self.store(&format!("{}/{own}", self.own), &value.to_string(), tags).await
    }

    /// Deletes a secret at once.
    pub async fn remove(&self, arn: &str) -> Result<()> {
        let delete = self.cloud.secrets.delete_secret().secret_id(arn);
        delete.force_delete_without_recovery(true).send().await?;
        Ok(())
    }

    /// The name or ARN of a resource of the stack.
    pub fn resource(&self, logical_id: &str) -> Result<&str> {
        self.variant.stack.resource(logical_id)
    }

    /// Runs `secops doctor` as the account's root.
    pub async fn doctor(&self, arguments: &[&str]) -> Result<Seen> {
        self.doctor_as(None, arguments).await
    }

    /// Runs `secops doctor` as an actor.
    pub async fn doctor_as(&self, actor: Option<&Actor<'_>>, arguments: &[&str]) -> Result<Seen> {
        let cli = self.cloud.aws.cli();
        let mut command = Command::new(programs()?.join("secops"));
        for (variable, value) in cli.get_envs() {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        if let Some(actor) = actor {
            command.envs(actor.environment());
        }
        command.args(["--stack", &self.own, "--output", "json", "doctor"]).args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if report != Value::Null {
            valid("doctor", &report)?;
        }
        Ok(Seen { code: output.status.code(), report, stderr })
    }
}

async fn deploy(cloud: &Cloud, own: &str, key: &str, changes: &[(&str, &str)]) -> Result<Variant> {
    let (names, admins) = (format!("{own}/"), format!("{own}-admin/"));
    let mut parameters = vec![
        ("EksClusterName", CLUSTER),
        ("SecretNamePrefix", names.as_str()),
        ("AdminSecretNamePrefix", admins.as_str()),
        ("SecretsKeyArn", key),
        ("ReconcileSchedule", "rate(365 days)"),
        ("SyncTimeoutSeconds", "8"),
        ("CallTimeoutSeconds", "4"),
    ];
    parameters.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
    parameters.extend(changes);
    let variant = cloud.deploy_variant(own, &parameters, &[]).await?;
    // These rules are off in variants.
    cloud.tell_of_rotations(&variant).await?;
    cloud.tell_of_changes(&variant).await?;
    Ok(variant)
}
