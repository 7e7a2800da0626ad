//! The delivery of new credentials to an application in Kubernetes: after a rotation, and after a change by hand.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud, VolumeClient, random_text, route_to};
use testbed::kubernetes::{Kubernetes, ProjectedVolume};

use super::{queue_is_empty, show_current, user_in};
use crate::commands::report::{Report, duration};

const NAMESPACE: &str = "shop";
const NAME: &str = "payment-broker";
const LIMIT: Duration = Duration::from_secs(30);
const RECEIPT: &str = "secret2eks/delivered";

/// The application in the cluster: its volume and its connection.
struct Application {
    client: VolumeClient,
    _volume: ProjectedVolume,
}

/// Delivers the secret to the cluster, rotates it, then stores a value by hand.
pub async fn show(cloud: &Cloud, app: &App, report: &mut Report) -> Result<()> {
    let kubernetes = cloud.kubernetes()?;
    let mut application = first_delivery(cloud, kubernetes, app, report).await?;
    after_a_rotation(cloud, kubernetes, app, &mut application, report).await?;
    by_hand(cloud, kubernetes, app, &mut application, report).await
}

async fn first_delivery(
    cloud: &Cloud,
    kubernetes: &Kubernetes,
    app: &App,
    report: &mut Report,
) -> Result<Application> {
    report.section("Delivery to Kubernetes: tags on the secret define its destination");
    kubernetes.create_delivery_namespace(&cloud.aws, NAMESPACE, &[]).await?;
    let tags = route_to(NAMESPACE, NAME);
    cloud.set_tags(&app.arn, &tags).await?;
    let tags = tags.map(|(key, value)| format!("{key}={value}"));
    report.field("tags", &tags.join("\n                 "));
    let began = Instant::now();
    cloud.request_delivery(&app.arn).await?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    arrived(kubernetes, &value).await?;
    report.field("first delivery", &format!("{:>8}", duration(began.elapsed())));
    let folder = cloud.folder().join("volume");
    let volume = ProjectedVolume::project(kubernetes, NAMESPACE, NAME, &folder).await?;
    let client = VolumeClient::connect(&cloud.broker, volume.folder()).await?;
    let as_wished = client.user() == user_in(&value);
    report.check(
        &format!("an application reads the mounted Secret and connects as `{}`", client.user()),
        Ok(as_wished),
    );
    Ok(Application { client, _volume: volume })
}

async fn after_a_rotation(
    cloud: &Cloud,
    kubernetes: &Kubernetes,
    app: &App,
    application: &mut Application,
    report: &mut Report,
) -> Result<()> {
    report.section("Rotation: the application gets the new credentials");
    let before = cloud.value(&app.arn, "AWSCURRENT").await?;
    let began = Instant::now();
    let version = cloud.start_rotation(&app.arn).await?;
    let in_cluster = kubernetes
        .wait_for_secret(
            NAMESPACE,
            NAME,
            |data| data.get("username").is_some_and(|user| user != user_in(&before)),
            LIMIT,
        )
        .await?;
    let in_cluster_after = began.elapsed();
    let user = application.client.reconnected(LIMIT).await?;
    let reconnected_after = began.elapsed();
    let now = cloud.value(&app.arn, "AWSCURRENT").await?;
    report.field("since", "RotateSecret");
    report.field("  in the cluster", &format!("{:>8}", duration(in_cluster_after)));
    report.field("  reconnected", &format!("{:>8}", duration(reconnected_after)));
    show_current(cloud, app, report).await?;
    let same = ["username", "password"]
        .iter()
        .all(|key| now[key].as_str() == in_cluster.get(*key).map(String::as_str));
    report.check("the Kubernetes Secret holds AWSCURRENT", Ok(same));
    report.check("the Secret holds only `username` and `password`", Ok(in_cluster.len() == 2));
    report.check(&format!("the application is connected as `{user}`"), Ok(user == user_in(&now)));
    receipt(cloud, app, &version, report).await;
    report.check("the dead-letter queue is empty", queue_is_empty(cloud).await);
    Ok(())
}

async fn by_hand(
    cloud: &Cloud,
    kubernetes: &Kubernetes,
    app: &App,
    application: &mut Application,
    report: &mut Report,
) -> Result<()> {
    report.section("Change by hand: the application gets the new password without a rotation");
    let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
    let password = random_text(40)?;
    let user = user_in(&value).to_owned();
    cloud.broker.management()?.create_user(&user, &password, &[]).await?;
    value["password"] = json!(password);
    let began = Instant::now();
    let put = cloud.secrets.put_secret_value().secret_id(&app.arn).secret_string(value.to_string());
    let version = put.send().await?.version_id.context("a value without a version")?;
    arrived(kubernetes, &value).await?;
    report.field("since", "PutSecretValue");
    report.field("  in the cluster", &format!("{:>8}", duration(began.elapsed())));
    let connected = application.client.reconnected(LIMIT).await?;
    report.field("  reconnected", &format!("{:>8}", duration(began.elapsed())));
    report.check(
        &format!("the application is connected as `{user}` with the new password"),
        Ok(connected == user),
    );
    receipt(cloud, app, &version, report).await;
    Ok(())
}

async fn arrived(kubernetes: &Kubernetes, value: &Value) -> Result<()> {
    let wanted = value["password"].as_str();
    let holds = |data: &testbed::kubernetes::SecretData| data.get("password").map(String::as_str) == wanted;
    kubernetes.wait_for_secret(NAMESPACE, NAME, holds, LIMIT).await.map(drop)
}

/// Waits for the receipt: secret2eks writes it after it has read the Kubernetes Secret again.
async fn receipt(cloud: &Cloud, app: &App, version: &str, report: &mut Report) {
    let written = cloud.wait_for_tag(&app.arn, RECEIPT, version, LIMIT).await;
    report.check(&format!("the receipt is on the secret: {RECEIPT}={version}"), written.map(|()| true));
}
