//! A healthy pair continues to rotate without manual work, whatever happened to its users.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::{App, Cloud};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use super::{is_refused, take_pending_off, unmark};
use crate::support::current_logs_in;

/// A pair that has rotated twice, so that each user was current once.
async fn rotated_twice(cloud: &Cloud, prefix: &str) -> Result<App> {
    let app = cloud.create_app(&name(prefix)).await?;
    cloud.rotate_successfully(&app.arn).await?;
    cloud.rotate_successfully(&app.arn).await?;
    Ok(app)
}

async fn goes_on(cloud: &Cloud, app: &App) -> Result<()> {
    for _ in 0..2 {
        cloud.rotate_successfully(&app.arn).await?;
        current_logs_in(cloud, &app.arn).await?;
    }
    let management = cloud.broker.management()?;
    for user in [app.user.clone(), format!("{}_clone", app.user)] {
        let account = management.user(&user).await?.with_context(|| format!("no user {user}"))?;
        ensure!(account["tags"].to_string().contains("secret-"), "`{user}` has no mark: {account}");
    }
    ensure!(cloud.tag_of(&app.arn, "rotation-mq/user").await?.as_deref() == Some(app.user.as_str()));
    Ok(())
}

#[test]
fn a_pair_that_rotated_before_marks_existed_is_proved_by_its_previous_version() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = rotated_twice(cloud, "at-rest").await?;
        unmark(cloud, &app.user).await?;
        goes_on(cloud, &app).await
    })
}

#[test]
fn an_attempt_that_was_abandoned_half_done_before_marks_existed_is_proved_by_its_unlabelled_version()
-> Result<()> {
    on_the_cloud(async |cloud| {
        let app = rotated_twice(cloud, "half").await?;
        let abandoned = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            cloud.step(&app.arn, &abandoned, step).await?.value()?;
        }
        take_pending_off(cloud, &app.arn, &abandoned).await?;
        unmark(cloud, &app.user).await?;
        goes_on(cloud, &app).await
    })
}

#[test]
fn a_value_stored_by_hand_for_the_current_user_does_not_hide_the_proof() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = rotated_twice(cloud, "by-hand").await?;
        let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
        value["note"] = json!("AWSPREVIOUS is the same user now");
        cloud.secrets.put_secret_value().secret_id(&app.arn).secret_string(value.to_string()).send().await?;
        unmark(cloud, &app.user).await?;
        goes_on(cloud, &app).await
    })
}

#[test]
fn a_user_that_was_deleted_is_made_again_and_one_with_another_password_is_known_by_its_mark() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = rotated_twice(cloud, "hands").await?;
        let management = cloud.broker.management()?;
        let inactive = format!("{}_clone", app.user);
        management.delete_user(&inactive).await?;
        goes_on(cloud, &app).await?;
        // As `rabbitmqctl change_password` does: the tags do not change.
        let account = management.user(&inactive).await?.context("no user")?;
        let tags: Vec<&str> =
            account["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str()).collect();
        management.create_user(&inactive, "set-by-hand", &tags).await?;
        goes_on(cloud, &app).await
    })
}

#[test]
fn a_user_whose_tags_were_rewritten_is_proved_by_its_login_and_refused_when_the_password_is_new_too()
-> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("rewritten")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        cloud.rotate_successfully(&app.arn).await?;
        unmark(cloud, &app.user).await?;
        cloud.secrets.untag_resource().secret_id(&app.arn).tag_keys("rotation-mq/user").send().await?;
        cloud
            .broker
            .management()?
            .create_user(&format!("{}_clone", app.user), "by-another-tool", &[])
            .await?;
        is_refused(cloud, &app.user, &app.arn, "no version of this secret logs in").await?;
        Ok(())
    })
}

#[test]
fn a_rolled_back_secret_and_a_changed_strategy_go_on() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = rotated_twice(cloud, "back").await?;
        let (current, previous) = (
            cloud.version(&app.arn, "AWSCURRENT").await?.context("no current version")?,
            cloud.version(&app.arn, "AWSPREVIOUS").await?.context("no previous version")?,
        );
        let stage =
            cloud.secrets.update_secret_version_stage().secret_id(&app.arn).version_stage("AWSCURRENT");
        stage.remove_from_version_id(&current).move_to_version_id(&previous).send().await?;
        take_pending_off(cloud, &app.arn, &current).await?;
        goes_on(cloud, &app).await?;
        // AWSCURRENT now has the user `…_clone`. It is changed in place, and alternates again later.
        for strategy in ["single", "alternating"] {
            let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
            value["rotationStrategy"] = json!(strategy);
            cloud
                .secrets
                .put_secret_value()
                .secret_id(&app.arn)
                .secret_string(value.to_string())
                .send()
                .await?;
            cloud.rotate_successfully(&app.arn).await?;
            current_logs_in(cloud, &app.arn).await?;
        }
        goes_on(cloud, &app).await
    })
}

#[test]
fn an_old_version_that_nobody_can_decrypt_does_not_keep_another_from_proving_the_pair() -> Result<()> {
    on_the_cloud(async |cloud| {
        let aws = FaultProxy::http(cloud.aws.endpoint())?;
        let endpoint = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.url())];
        let function = cloud.deploy_variant(&name("undecipherable"), &[], &endpoint).await?.function;
        let app = rotated_twice(cloud, "undecipherable").await?;
        unmark(cloud, &app.user).await?;
        let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
        value["note"] = json!("AWSPREVIOUS is the same user now");
        let stored = cloud.secrets.put_secret_value().secret_id(&app.arn);
        let hidden =
            stored.secret_string(value.to_string()).send().await?.version_id.context("no version")?;
        cloud.secrets.put_secret_value().secret_id(&app.arn).secret_string(value.to_string()).send().await?;
        let is_hidden = move |call: &Call| {
            call.operation() == "GetSecretValue" && String::from_utf8_lossy(call.body()).contains(&hidden)
        };
        aws.inject(Rule::always(is_hidden, Fault::aws_error(400, "DecryptionFailure")));
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            let event = json!({"Step": step, "SecretId": app.arn, "ClientRequestToken": version});
            cloud.invoke_function(&function, &event).await?.value()?;
        }
        let refused = aws.calls().iter().filter(|call| call.operation() == "GetSecretValue").count();
        ensure!(refused > 2, "no older version was read");
        cloud.steps(&app.arn, &version).await?;
        current_logs_in(cloud, &app.arn).await
    })
}
