//! A pair of broker users belongs to one secret. The name of the pair is configuration. No user of somebody else is
//! changed.

mod administrators;
mod pins;
mod proofs;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::aws::RotationOptions;
use testbed::cloud::{App, Cloud};

use crate::support::{current_logs_in, failed_once, state_of};

/// A second secret with the value of the first one.
async fn copy_of(cloud: &Cloud, app: &App, prefix: &str) -> Result<String> {
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    cloud.create_secret(&format!("rabbitmq/{}", name(prefix)), &value.to_string()).await
}

/// Checks that setSecret is refused as `pair.taken` with `words`, and that neither user of the pair was changed.
async fn is_refused(cloud: &Cloud, user: &str, arn: &str, words: &str) -> Result<Value> {
    let version = cloud.begin_rotation(arn).await?;
    cloud.step(arn, &version, "createSecret").await?.value()?;
    let before = state_of(cloud, user, arn).await?;
    let answer = cloud.step(arn, &version, "setSecret").await?;
    let notice = failed_once(cloud, arn, &answer, "pair.taken", words).await?;
    ensure!(state_of(cloud, user, arn).await? == before, "a refused rotation wrote to the broker");
    ensure!(cloud.tag_of(arn, "rotation-mq/user").await?.is_none(), "a refused rotation pinned the secret");
    Ok(notice)
}

/// Ends a rotation by hand, as in the playbook. The next rotation runs all its steps.
async fn take_pending_off(cloud: &Cloud, arn: &str, version: &str) -> Result<()> {
    let stage = cloud.secrets.update_secret_version_stage().secret_id(arn).version_stage("AWSPENDING");
    stage.remove_from_version_id(version).send().await?;
    let all = RotationOptions { steps: Some(4), ..RotationOptions::default() };
    cloud.aws.set_rotation_options(Some(arn), &all).await
}

/// Removes the marks from both users, as before marks existed. Tags change, passwords do not.
async fn unmark(cloud: &Cloud, user: &str) -> Result<()> {
    for user in [user.to_owned(), format!("{user}_clone")] {
        let management = cloud.broker.management()?;
        let Some(account) = management.user(&user).await? else { continue };
        let tags = account["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let kept: Vec<&str> = tags.filter(|tag| !tag.starts_with("secret-")).collect();
        management.replace_tags(&user, &kept).await?;
    }
    Ok(())
}

#[test]
fn a_second_secret_for_the_same_user_is_refused_and_the_first_ones_application_keeps_its_login() -> Result<()>
{
    on_the_cloud(async |cloud| {
        let first = cloud.create_app(&name("shared")).await?;
        let second = copy_of(cloud, &first, "shared-copy").await?;
        cloud.rotate_successfully(&first.arn).await?;
        let notice = is_refused(cloud, &first.user, &second, "mark").await?;
        ensure!(notice.to_string().contains(&format!("{}_clone", first.user)), "{notice}");
        ensure!(
            notice.to_string().contains("next rotation"),
            "the notice does not say until when to act: {notice}"
        );
        current_logs_in(cloud, &first.arn).await
    })
}

#[test]
fn an_application_whose_user_happens_to_be_named_like_a_clone_keeps_its_password_and_its_grants() -> Result<()>
{
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("appq")).await?;
        let other = format!("{}_clone", app.user);
        let management = cloud.broker.management()?;
        management.create_user(&other, "a-password-of-its-own", &["monitoring"]).await?;
        management.set_permissions(&other, "/", ["", "^other$", ""]).await?;
        is_refused(cloud, &app.user, &app.arn, "no version of this secret logs in").await?;
        ensure!(cloud.broker.can_log_in(&other, "a-password-of-its-own").await?, "it is locked out");
        // After the other secret is deleted, the same rotation continues.
        management.delete_user(&other).await?;
        let version = cloud.version(&app.arn, "AWSPENDING").await?.context("no pending version")?;
        for step in ["setSecret", "testSecret", "finishSecret"] {
            cloud.step(&app.arn, &version, step).await?.value()?;
        }
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn of_two_secrets_that_shared_a_pair_before_marks_existed_one_goes_on_and_the_other_is_reported() -> Result<()>
{
    on_the_cloud(async |cloud| {
        let first = cloud.create_app(&name("both")).await?;
        cloud.rotate_successfully(&first.arn).await?;
        // Both have the history of the same pair, like two copies.
        let second = copy_of(cloud, &first, "both-copy").await?;
        unmark(cloud, &first.user).await?;
        cloud.rotate_successfully(&first.arn).await?;
        let version = cloud.begin_rotation(&second).await?;
        cloud.step(&second, &version, "createSecret").await?.value()?;
        let before = state_of(cloud, &first.user, &second).await?;
        let answer = cloud.step(&second, &version, "setSecret").await?;
        failed_once(cloud, &second, &answer, "pair.taken", &first.user).await?;
        ensure!(state_of(cloud, &first.user, &second).await? == before, "it wrote to the broker");
        // After one more rotation, the login of the second secret fails. The error mentions another secret.
        cloud.rotate_successfully(&first.arn).await?;
        let answer = cloud.step(&second, &version, "setSecret").await?;
        ensure!(answer.kind() == "current.login_refused", "{answer:?}");
        ensure!(format!("{answer:?}").contains("another secret"), "{answer:?}");
        current_logs_in(cloud, &first.arn).await
    })
}

#[test]
fn a_copy_of_both_versions_under_another_name_is_refused_although_its_logins_work() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("copied")).await?;
        let old = cloud.value(&app.arn, "AWSCURRENT").await?;
        cloud.rotate_successfully(&app.arn).await?;
        let now = cloud.value(&app.arn, "AWSCURRENT").await?;
        let copy = cloud.create_secret(&format!("rabbitmq/{}", name("copy")), &old.to_string()).await?;
        cloud.secrets.put_secret_value().secret_id(&copy).secret_string(now.to_string()).send().await?;
        is_refused(cloud, &app.user, &copy, "mark").await?;
        ensure!(cloud.logs_in(&old).await?, "the first secret's other user was reset");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_single_user_of_another_secret_is_not_changed_in_place() -> Result<()> {
    on_the_cloud(async |cloud| {
        let first = cloud.create_app_with(&name("one"), &json!({"rotationStrategy": "single"})).await?;
        cloud.rotate_successfully(&first.arn).await?;
        let second = copy_of(cloud, &first, "one-copy").await?;
        is_refused(cloud, &first.user, &second, "mark").await?;
        current_logs_in(cloud, &first.arn).await
    })
}

#[test]
fn the_test_of_a_schedule_says_that_a_pair_is_taken_and_leaves_nothing_behind() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("test-only")).await?;
        cloud
            .broker
            .management()?
            .create_user(&format!("{}_clone", app.user), "not-of-this-secret", &[])
            .await?;
        let before = state_of(cloud, &app.user, &app.arn).await?;
        let tested = cloud.test_rotation(&app.arn).await?;
        ensure!(tested.outcome != "succeeded", "{tested:?}");
        let notices = cloud.notices.wait_for(&app.arn, 1).await?;
        let notice = notices.first().context("no notice")?;
        ensure!(notice["kind"] == "pair.taken" && notice["testOnly"] == true, "{notice}");
        let after = state_of(cloud, &app.user, &app.arn).await?;
        ensure!((after.0, after.1) == (before.0, before.1), "a test wrote to the broker");
        ensure!(cloud.tag_of(&app.arn, "rotation-mq/user").await?.is_none(), "a test pinned the secret");
        Ok(())
    })
}
