//! Each of the two triggers is enough alone. Both together do no harm, in any order.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name, on_the_cluster};
use serde_json::json;
use testbed::cloud::{Cloud, route_to};

use super::routed::{NAMESPACE, Routed, shared_namespace};
use crate::support::run_cli;

#[test]
fn a_value_stored_by_hand_reaches_the_cluster_without_any_rotation() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::create(cloud, &name("stored"), &[]).await?;
        let version = secret.put("by hand").await?;
        secret.arrived("by hand").await?;
        secret.receipt(&version).await
    })
}

#[test]
fn both_triggers_at_the_same_instant_deliver_once_each_and_without_a_failure() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::delivered(cloud, &name("raced"), &[]).await?;
        for round in 0..5 {
            let password = format!("round {round}");
            // The event of this put and the request arrive at about the same time.
            let version = secret.put(&password).await?;
            let (one, other) = tokio::try_join!(secret.deliver(), secret.deliver())?;
            for answer in [one, other] {
                ensure!(answer["versionId"] == version.as_str(), "{answer}");
            }
            // A version that is reported as delivered is in the cluster.
            let data = cloud.kubernetes()?.secret(NAMESPACE, &secret.name).await?.context("no Secret")?;
            ensure!(data["password"] == password);
            secret.receipt(&version).await?;
        }
        ensure!(cloud.notices.envelopes_about(&secret.arn).await?.is_empty());
        Ok(())
    })
}

#[test]
fn a_late_event_of_an_older_version_delivers_what_is_current() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::create(cloud, &name("late"), &[]).await?;
        let older = secret.current().await?;
        let newer = secret.put("second").await?;
        secret.receipt(&newer).await?;
        let late = json!({"secretArn": secret.arn, "versionId": older, "attempt": 1});
        let answer = cloud.invoke_function(cloud.delivery_function()?, &late).await?.value()?;
        ensure!(answer["versionId"] == newer.as_str(), "{answer}");
        ensure!(cloud.tag_of(&secret.arn, "secret2eks/delivered").await?.as_deref() == Some(newer.as_str()));
        secret.arrived("second").await.map(drop)
    })
}

#[test]
fn a_rotation_whose_request_is_lost_is_delivered_by_the_native_event() -> Result<()> {
    on_the_cluster(async |cloud| {
        // Its rotation function has no secret2eks, so it sends no request.
        let silent = cloud.deploy_variant(&name("silent"), &[], &[]).await?;
        let app = routed_app(cloud, &name("event-only")).await?;
        let version = cloud.begin_rotation(&app).await?;
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            let event = json!({"Step": step, "SecretId": app, "ClientRequestToken": version});
            cloud.invoke_function(&silent.function, &event).await?.value()?;
        }
        cloud.wait_for_tag(&app, "secret2eks/delivered", &version, super::routed::LIMIT).await
    })
}

#[test]
fn a_rotation_whose_event_is_lost_is_delivered_by_the_request() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let app = routed_app(cloud, &name("request-only")).await?;
        let rule = cloud.stack.resource("CurrentVersionChanged")?;
        run_cli(cloud, &["events", "disable-rule", "--name", rule]).await?;
        let outcome = async {
            let version = cloud.rotate_successfully(&app).await?;
            cloud.wait_for_tag(&app, "secret2eks/delivered", &version, super::routed::LIMIT).await
        }
        .await;
        run_cli(cloud, &["events", "enable-rule", "--name", rule]).await?;
        outcome
    })
}

/// The secret of a broker user that is delivered to the cluster. Returns its ARN.
pub async fn routed_app(cloud: &Cloud, user: &str) -> Result<String> {
    shared_namespace(cloud).await?;
    let app = cloud.create_app(user).await?;
    cloud.set_tags(&app.arn, &route_to(NAMESPACE, user)).await?;
    Ok(app.arn)
}
