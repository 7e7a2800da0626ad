//! The way of new credentials into the cluster: from `RotateSecret` to the application with the deployed functions, and
//! secret2eks alone with its share of a core.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud, VolumeClient, route_to};
use testbed::kubernetes::{Kubernetes, ProjectedVolume};

use crate::environment::{Environment, Size};
use crate::figures::{Delivery, Invocations};
use crate::functions::{self, Work};
use crate::plan::Plan;
use crate::program::{Deployed, Program};
use crate::release::Release;
use crate::rotation::rotate;
use crate::share::WHOLE_CORE_MB;
use crate::spread::Spread;

const NAMESPACE: &str = "bench";
const LIMIT: Duration = Duration::from_secs(30);
const RECEIPT: &str = "secret2eks/delivered";
/// The rule by which a moved label invokes secret2eks.
const RULE: &str = "CurrentVersionChanged";

/// An application in the cluster, and its secret.
struct Application<'a> {
    cloud: &'a Cloud,
    kubernetes: &'a Kubernetes,
    app: App,
    client: VolumeClient,
    _volume: ProjectedVolume,
}

/// Rotates a routed secret as often as planned, and measures the ways of its credentials. Then measures secret2eks alone, with
/// a warm and with a cold connection to the cluster: a new process has no connection.
///
/// # Errors
/// When a rotation or a delivery fails.
pub async fn measure(
    cloud: &Cloud,
    release: &Release,
    plan: &Plan<'_>,
    tell: fn(&str),
) -> Result<(Delivery, Vec<Invocations>)> {
    let mut application = Application::start(cloud, "bench-routed").await?;
    let (mut in_cluster, mut reconnected) = (Vec::new(), Vec::new());
    for turn in 0..=plan.rotations {
        let (cluster, connection) = application.follow_a_rotation().await?;
        // The first rotation creates the second user and starts the functions.
        if turn > 0 {
            in_cluster.push(cluster);
            reconnected.push(connection);
        }
    }
    let delivery = Delivery { in_cluster: Spread::of(&in_cluster), reconnected: Spread::of(&reconnected) };
    tell(&format!("  {} deliveries of each kind by secret2eks alone", plan.rotations));
    let alone = measure_alone(&application, release, plan).await?;
    Ok((delivery, alone))
}

impl<'a> Application<'a> {
    /// Creates a secret, delivers it, and starts an application with it.
    async fn start(cloud: &'a Cloud, user: &str) -> Result<Self> {
        let kubernetes = cloud.kubernetes()?;
        kubernetes.create_delivery_namespace(&cloud.aws, NAMESPACE, &[]).await?;
        let app = cloud.create_app(user).await?;
        cloud.set_tags(&app.arn, &route_to(NAMESPACE, user)).await?;
        cloud.deliver(&app.arn).await?.value()?;
        let folder = cloud.folder().join("bench-volume");
        let volume = ProjectedVolume::project(kubernetes, NAMESPACE, user, &folder).await?;
        let client = VolumeClient::connect(&cloud.broker, volume.folder()).await?;
        Ok(Self { cloud, kubernetes, app, client, _volume: volume })
    }

    /// Calls `RotateSecret`. Returns the time until the cluster has the new credentials, and until the application has a
    /// connection with them. Waits for the end of the rotation and of the delivery.
    async fn follow_a_rotation(&mut self) -> Result<(Duration, Duration)> {
        let arn = &self.app.arn;
        let before = self.cloud.value(arn, "AWSCURRENT").await?;
        let user = before["username"].as_str().unwrap_or_default();
        let began = Instant::now();
        let version = self.cloud.start_rotation(arn).await?;
        let changed =
            |data: &testbed::kubernetes::SecretData| data.get("username").is_some_and(|name| name != user);
        self.kubernetes.wait_for_secret(NAMESPACE, &self.app.user, changed, LIMIT).await?;
        let in_cluster = began.elapsed();
        self.client.reconnected(LIMIT).await?;
        let reconnected = began.elapsed();
        let rotation = self.cloud.aws.wait_for_rotation(arn, Some(&version), LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        self.cloud.wait_for_tag(arn, RECEIPT, &version, LIMIT).await?;
        Ok((in_cluster, reconnected))
    }
}

/// Runs secret2eks in processes of this program. Nothing else delivers meanwhile.
async fn measure_alone(
    application: &Application<'_>,
    release: &Release,
    plan: &Plan<'_>,
) -> Result<Vec<Invocations>> {
    let (cloud, app) = (application.cloud, &application.app);
    let logs = cloud.folder();
    aws(cloud, &["events", "disable-rule", "--name", cloud.stack.resource(RULE)?]).await?;
    let mut rotates = Deployed::read(cloud, cloud.stack.output("RotationFunctionName")?).await?;
    rotates.remove("SECRET2EKS_FUNCTION");
    let rotation_mq = release.program("rotation-mq");
    let rotation_mq = Program::of_rust("rotation-mq-alone", &rotation_mq, &rotates, logs);
    let size = Size { memory_mb: WHOLE_CORE_MB, shares: None };
    let (mut rotation_mq, _) = Environment::start(&rotation_mq, size).await?;

    let delivers = as_secret2eks(cloud).await?;
    let program = Program::of_rust("secret2eks", &release.program("secret2eks"), &delivers, logs);
    let events = async || {
        let (version, _) = rotate(cloud, app, &mut rotation_mq).await?;
        Ok(json!({"secretArn": app.arn, "versionId": version, "attempt": 1}))
    };
    let what = "one delivery";
    functions::measure(Work { program: &program, what, events }, plan).await
}

/// The environment of the deployed secret2eks, with credentials of its role: the cluster lets in no other.
pub(crate) async fn as_secret2eks(cloud: &Cloud) -> Result<Deployed> {
    let mut delivers = Deployed::read(cloud, cloud.delivery_function()?).await?;
    for (name, value) in credentials(cloud, cloud.stack.output("Secret2EksRoleArn")?).await? {
        delivers.set(name, &value);
    }
    Ok(delivers)
}

/// The variables with the credentials of a role.
async fn credentials(cloud: &Cloud, role: &str) -> Result<[(&'static str, String); 3]> {
    let arguments =
        ["sts", "assume-role", "--role-arn", role, "--role-session-name", "bench", "--output", "json"];
    let answer: Value =
        serde_json::from_str(&aws(cloud, &arguments).await?).context("STS answered no JSON")?;
    let text = |key: &str| {
        let value = answer["Credentials"][key].as_str().map(str::to_owned);
        value.with_context(|| format!("STS gave no {key}"))
    };
    Ok([
        ("AWS_ACCESS_KEY_ID", text("AccessKeyId")?),
        ("AWS_SECRET_ACCESS_KEY", text("SecretAccessKey")?),
        ("AWS_SESSION_TOKEN", text("SessionToken")?),
    ])
}

/// The output of a command of the AWS CLI.
pub(crate) async fn aws(cloud: &Cloud, arguments: &[&str]) -> Result<String> {
    let mut cli: Command = cloud.aws.cli();
    cli.args(arguments);
    let output =
        tokio::task::spawn_blocking(move || cli.output()).await?.context("cannot start the AWS CLI")?;
    if !output.status.success() {
        bail!("aws {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
