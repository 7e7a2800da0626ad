//! Both strategies, and an admin that rotates itself.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::aws::RotationOptions;
use testbed::cloud::random_text;

use crate::support::{converged, current_logs_in, failed_once, own_admin};

#[test]
fn a_single_user_is_changed_in_place_by_its_admin() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("single"), &json!({"rotationStrategy": "single"})).await?;
        let management = cloud.broker.management()?;
        management
            .create_user(
                &app.user,
                cloud.value(&app.arn, "AWSCURRENT").await?["password"].as_str().unwrap_or_default(),
                &["monitoring"],
            )
            .await?;
        let grants = management.grants(&app.user).await?;
        for _ in 0..3 {
            let before = cloud.value(&app.arn, "AWSCURRENT").await?;
            cloud.rotate_successfully(&app.arn).await?;
            let now = cloud.value(&app.arn, "AWSCURRENT").await?;
            ensure!(now["username"] == before["username"], "the user changed");
            ensure!(cloud.logs_in(&now).await?, "the new password does not log in");
            ensure!(!cloud.logs_in(&before).await?, "the old password still logs in");
        }
        ensure!(management.grants(&app.user).await? == grants, "grants or tags changed");
        ensure!(management.user(&format!("{}_clone", app.user)).await?.is_none(), "a second user appeared");
        Ok(())
    })
}

#[test]
fn an_administrator_without_an_admin_secret_changes_itself() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("self"), &json!({"masterarn": null})).await?;
        let management = cloud.broker.management()?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().unwrap_or_default();
        management.create_user(&app.user, password, &["administrator"]).await?;
        cloud.rotate_successfully(&app.arn).await?;
        cloud.rotate_successfully(&app.arn).await?;
        current_logs_in(cloud, &app.arn).await?;
        ensure!(!cloud.logs_in(&value).await?, "the old password still logs in");
        Ok(())
    })
}

#[test]
fn a_plain_user_without_an_admin_secret_cannot_change_itself_and_this_is_reported() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("plain-self"), &json!({"masterarn": null})).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let answer = cloud.step(&app.arn, &version, "setSecret").await?;
        failed_once(cloud, &app.arn, &answer, "admin.not_administrator", &app.user).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn an_interrupted_change_in_place_is_finished_by_the_next_attempt() -> Result<()> {
    on_the_cloud(async |cloud| {
        for admin in [json!(cloud.admin_secret), json!(null)] {
            let changes = json!({"rotationStrategy": "single", "masterarn": admin});
            let app = cloud.create_app_with(&name("in-place"), &changes).await?;
            let value = cloud.value(&app.arn, "AWSCURRENT").await?;
            let password = value["password"].as_str().unwrap_or_default();
            cloud.broker.management()?.create_user(&app.user, password, &["administrator"]).await?;
            let version = cloud.begin_rotation(&app.arn).await?;
            for step in ["createSecret", "setSecret"] {
                cloud.step(&app.arn, &version, step).await?.value()?;
            }
            ensure!(!cloud.logs_in(&value).await?, "setSecret set no password");
            cloud.steps(&app.arn, &version).await?;
            current_logs_in(cloud, &app.arn).await?;
        }
        Ok(())
    })
}

#[test]
fn an_admin_that_is_its_own_admin_alternates_and_keeps_its_tag() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = own_admin(cloud, "own-admin").await?;
        let management = cloud.broker.management()?;
        for expected in [format!("{}_clone", app.user), app.user.clone()] {
            let before = cloud.value(&app.arn, "AWSCURRENT").await?;
            cloud.rotate_successfully(&app.arn).await?;
            let now = cloud.value(&app.arn, "AWSCURRENT").await?;
            ensure!(now["username"] == expected.as_str());
            ensure!(cloud.logs_in(&now).await? && cloud.logs_in(&before).await?, "both admins must log in");
            let grants = management.grants(&expected).await?;
            ensure!(grants["tags"] == json!(["administrator"]), "{grants}");
        }
        Ok(())
    })
}

#[test]
fn an_application_s_secret_rotates_on_while_its_admin_secret_rotates_too() -> Result<()> {
    on_the_cloud(async |cloud| {
        let admin = own_admin(cloud, "rotating-admin").await?;
        let app = cloud.create_app_with(&name("of-rotating"), &json!({"masterarn": admin.arn})).await?;
        for _ in 0..2 {
            cloud.rotate_successfully(&app.arn).await?;
            cloud.rotate_successfully(&admin.arn).await?;
        }
        current_logs_in(cloud, &app.arn).await?;
        current_logs_in(cloud, &admin.arn).await
    })
}

#[test]
fn a_test_only_rotation_tests_the_current_user_and_says_so_when_it_fails() -> Result<()> {
    on_the_cloud(async |cloud| {
        for enabled_during_test in [true, false] {
            let app = cloud.create_app(&name("test-only")).await?;
            let options = RotationOptions {
                enabled_during_test: Some(enabled_during_test),
                ..RotationOptions::default()
            };
            cloud.aws.set_rotation_options(Some(&app.arn), &options).await?;
            let rotation = cloud.test_rotation(&app.arn).await?;
            ensure!(rotation.test_only && rotation.outcome == "succeeded", "{rotation:?}");
            ensure!(cloud.broker.management()?.user(&format!("{}_clone", app.user)).await?.is_none());

            cloud.broker.management()?.create_user(&app.user, "somebody changed the password", &[]).await?;
            let rotation = cloud.test_rotation(&app.arn).await?;
            ensure!(rotation.outcome == "failed", "{rotation:?}");
            let notices = cloud.notices.wait_for(&app.arn, 1).await?;
            let notice = notices.first().cloned().unwrap_or_default();
            ensure!(notice["kind"] == "current.login_refused" && notice["testOnly"] == true, "{notice}");
        }
        Ok(())
    })
}

#[test]
fn a_user_is_rotated_whatever_characters_its_name_has_if_the_broker_takes_them() -> Result<()> {
    on_the_cloud(async |cloud| {
        let management = cloud.broker.management()?;
        for form in ["svc@NAME.example.com", "svc NAME", "team/NAME", "zahlung-ä-NAME", "NAME%2f+&?#;=.."] {
            let plain = name("characters");
            let (user, password) = (form.replace("NAME", &plain), random_text(32)?);
            management.create_user(&user, &password, &[]).await?;
            management.set_permissions(&user, "/", [".*"; 3]).await?;
            let value = json!({
                "engine": "rabbitmq", "brokerId": cloud.broker_id, "masterarn": cloud.admin_secret,
                "username": user, "password": password,
            });
            let arn = cloud.create_secret(&format!("rabbitmq/{plain}"), &value.to_string()).await?;
            for expected in [format!("{user}_clone"), user.clone()] {
                let version = cloud.rotate_successfully(&arn).await.with_context(|| form.to_owned())?;
                let current = cloud.value(&arn, "AWSCURRENT").await?;
                ensure!(current["username"] == expected, "{current}");
                current_logs_in(cloud, &arn).await?;
                converged(cloud, &user, &arn, &version).await?;
            }
        }
        Ok(())
    })
}
