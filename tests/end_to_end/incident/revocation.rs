//! What a revocation does, and when it is refused.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::tag;

use super::{leaked_and_rotated, revoke};
use crate::kubernetes::routed::until;
use crate::support::{UNKNOWN_VERSION, current_logs_in, failed_once};

#[test]
fn revoking_cuts_the_leaked_login_off_closes_its_connections_and_can_be_repeated() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, leaked, value) = leaked_and_rotated(cloud, "leak", &json!({})).await?;
        let password = value["password"].as_str().unwrap_or_default();
        let attacker = cloud.broker.amqps_login(&app.user, password, "/").await?;
        let answer = cloud.act(&revoke(&app, &leaked)).await?.value()?;
        ensure!(answer["user"] == app.user.as_str() && answer["closedConnections"] == 1, "{answer}");
        ensure!(answer["stillListed"].is_array(), "{answer}");
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        until("the attacker's connection is closed", async || Ok(!attacker.status().connected())).await?;
        current_logs_in(cloud, &app.arn).await?;
        let again = cloud.act(&revoke(&app, &leaked)).await?.value()?;
        ensure!(again["user"] == app.user.as_str(), "{again}");
        cloud.rotate_successfully(&app.arn).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_version_in_use_or_whose_user_is_in_use_is_not_revoked() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("in-use")).await?;
        let first = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        let answer = cloud.act(&revoke(&app, &first)).await?;
        failed_once(cloud, &app.arn, &answer, "revoke.refused", "AWSCURRENT").await?;
        let second = cloud.rotate_successfully(&app.arn).await?;
        // A rotation is in progress that gives the first version's user a new password.
        let pending = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &pending, "createSecret").await?.value()?;
        let mut expected = vec![
            (pending.clone(), "AWSPENDING"),
            (first.clone(), "AWSPENDING"),
            (second.clone(), "AWSCURRENT"),
        ];
        expected.push((UNKNOWN_VERSION.to_owned(), "not a version"));
        for (version, words) in expected {
            let answer = cloud.act(&revoke(&app, &version)).await?;
            ensure!(["revoke.refused", "rotation.version_unknown"].contains(&answer.kind()), "{answer:?}");
            ensure!(format!("{answer:?}").contains(words), "{words}: {answer:?}");
        }
        cloud.steps(&app.arn, &pending).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_pending_version_of_the_other_user_does_not_block_a_revocation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, leaked, value) = leaked_and_rotated(cloud, "pending-other", &json!({})).await?;
        // AWSPENDING is attached to the version of the current user, as it may be after a rotation.
        let current = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        let stage =
            cloud.secrets.update_secret_version_stage().secret_id(&app.arn).version_stage("AWSPENDING");
        stage.move_to_version_id(current).send().await?;
        cloud.act(&revoke(&app, &leaked)).await?.value()?;
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        Ok(())
    })
}

#[test]
fn production_is_not_cut_off_while_the_cluster_may_hold_the_leaked_version_unless_forced() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, leaked, value) = leaked_and_rotated(cloud, "undelivered", &json!({})).await?;
        let route = tag("secret2eks/namespace", "shop");
        cloud.secrets.tag_resource().secret_id(&app.arn).tags(route).send().await?;
        let answer = cloud.act(&revoke(&app, &leaked)).await?;
        failed_once(cloud, &app.arn, &answer, "revoke.refused", "secret2eks/delivered").await?;
        ensure!(cloud.logs_in(&value).await?, "a refused revocation changed the password");
        let mut forced = revoke(&app, &leaked);
        forced["force"] = json!(true);
        cloud.act(&forced).await?.value()?;
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        Ok(())
    })
}

#[test]
fn with_a_single_user_only_connections_are_closed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("single-leak"), &json!({"rotationStrategy": "single"})).await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let attacker =
            cloud.broker.amqps_login(&app.user, value["password"].as_str().unwrap_or_default(), "/").await?;
        cloud.rotate_successfully(&app.arn).await?;
        ensure!(attacker.status().connected(), "a password change closes no connection");
        let answer = cloud.act(&revoke(&app, &leaked)).await?.value()?;
        // A login of the function itself may still be in the list, and is also closed.
        ensure!(answer["closedConnections"].as_u64().is_some_and(|closed| closed >= 1), "{answer}");
        until("the attacker's connection is closed", async || Ok(!attacker.status().connected())).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn an_application_with_a_single_user_that_connects_again_at_once_is_interrupted_once_and_no_more()
-> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("reconnects"), &json!({"rotationStrategy": "single"})).await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        cloud.rotate_successfully(&app.arn).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().unwrap_or_default();
        let login = async || cloud.broker.amqps_login(&app.user, password, "/").await;
        let mut connection = login().await?;
        let mut interruptions = 0;
        let event = revoke(&app, &leaked);
        let revocation = cloud.act(&event);
        tokio::pin!(revocation);
        let answer = loop {
            tokio::select! {
                answer = &mut revocation => break answer?.value()?,
                () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
            }
            if !connection.status().connected() {
                interruptions += 1;
                connection = login().await?;
            }
        };
        ensure!(interruptions == 1, "{interruptions} interruptions: {answer}");
        ensure!(connection.status().connected(), "the application was cut off");
        Ok(())
    })
}
