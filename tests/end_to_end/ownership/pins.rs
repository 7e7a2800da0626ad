//! The tag of a secret defines its pair. Who may write the value does not.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;

use super::take_pending_off;
use crate::support::{current_logs_in, failed_once, state_of};

#[test]
fn a_value_that_names_another_user_makes_no_clone_of_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let ops = cloud.create_app(&name("ops")).await?;
        let mine = cloud.create_app(&name("mine")).await?;
        for is_pinned in [false, true] {
            let mut value = cloud.value(&mine.arn, "AWSCURRENT").await?;
            let stolen = cloud.value(&ops.arn, "AWSCURRENT").await?;
            (value["username"], value["password"]) = (stolen["username"].clone(), stolen["password"].clone());
            cloud
                .secrets
                .put_secret_value()
                .secret_id(&mine.arn)
                .secret_string(value.to_string())
                .send()
                .await?;
            let before = state_of(cloud, &ops.user, &mine.arn).await?;
            let version = cloud.begin_rotation(&mine.arn).await?;
            let answer = cloud.step(&mine.arn, &version, "createSecret").await?;
            ensure!(answer.kind() == "pair.taken", "{is_pinned}: {answer:?}");
            ensure!(format!("{answer:?}").contains("rotation-mq/user"), "{answer:?}");
            let after = state_of(cloud, &ops.user, &mine.arn).await?;
            ensure!((before.0, before.1) == (after.0, after.1), "a user was written to or made");
            // The value is corrected by hand, and the tag is set. Then the check is repeated.
            take_pending_off(cloud, &mine.arn, &version).await?;
            let previous = cloud.value(&mine.arn, "AWSPREVIOUS").await?;
            cloud
                .secrets
                .put_secret_value()
                .secret_id(&mine.arn)
                .secret_string(previous.to_string())
                .send()
                .await?;
            if !is_pinned {
                cloud.set_tags(&mine.arn, &[("rotation-mq/user", &mine.user)]).await?;
            }
            cloud.rotate_successfully(&mine.arn).await?;
        }
        Ok(())
    })
}

#[test]
fn the_first_rotation_pins_the_secret_and_no_later_one_can_move_the_pin() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("pin")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let tag = "rotation-mq/user";
        ensure!(cloud.tag_of(&app.arn, tag).await?.as_deref() == Some(app.user.as_str()), "no pin");
        cloud.set_tags(&app.arn, &[(tag, "somebody-else")]).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        let answer = cloud.step(&app.arn, &version, "createSecret").await?;
        failed_once(cloud, &app.arn, &answer, "pair.taken", "somebody-else").await?;
        ensure!(cloud.tag_of(&app.arn, tag).await?.as_deref() == Some("somebody-else"), "the pin was moved");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_user_whose_own_name_ends_in_clone_gets_a_clone_of_its_own_once_it_is_pinned() -> Result<()> {
    on_the_cloud(async |cloud| {
        let stranger = cloud.create_app(&name("unrelated")).await?;
        let app = cloud.create_app(&format!("{}_clone", stranger.user)).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let answer = cloud.step(&app.arn, &version, "setSecret").await?;
        failed_once(cloud, &app.arn, &answer, "pair.taken", &stranger.user).await?;
        current_logs_in(cloud, &stranger.arn).await?;
        take_pending_off(cloud, &app.arn, &version).await?;
        cloud.set_tags(&app.arn, &[("rotation-mq/user", &app.user)]).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        ensure!(value["username"] == format!("{}_clone", app.user), "{}", value["username"]);
        cloud.rotate_successfully(&app.arn).await?;
        current_logs_in(cloud, &stranger.arn).await
    })
}

#[test]
fn a_rotation_whose_role_may_not_tag_goes_on_without_the_pin() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("unpinned")).await?;
        let denied = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:TagResource", "Resource": "*"},
        ]});
        let policy =
            cloud.secrets.put_resource_policy().secret_id(&app.arn).resource_policy(denied.to_string());
        policy.send().await?;
        for _ in 0..3 {
            cloud.rotate_successfully(&app.arn).await?;
        }
        ensure!(cloud.tag_of(&app.arn, "rotation-mq/user").await?.is_none(), "the policy denied nothing");
        ensure!(cloud.notices.about(&app.arn).await?.is_empty(), "a failed pin is no failure");
        current_logs_in(cloud, &app.arn).await
    })
}
