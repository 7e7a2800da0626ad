//! Values that break the contract. They are refused with the name of the field before anything is written.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use crate::support::{converged, current_logs_in, failed_once, state_of};

#[test]
fn a_value_that_breaks_the_contract_is_refused_by_the_name_of_its_field() -> Result<()> {
    on_the_cloud(async |cloud| {
        let too_long = "u".repeat(250);
        let cases = [
            ("no-engine", json!({"engine": null}), "`engine`"),
            ("other-engine", json!({"engine": "postgres"}), "`engine`"),
            ("no-username", json!({"username": null}), "`username`"),
            ("empty-username", json!({"username": ""}), "`username`"),
            ("no-password", json!({"password": null}), "`password`"),
            ("empty-password", json!({"password": ""}), "`password`"),
            ("number", json!({"password": 12}), "`password`"),
            ("no-broker", json!({"brokerId": null}), "`brokerId` and `host`"),
            ("two-brokers", json!({"host": "localhost"}), "`brokerId` and `host`"),
            ("strategy", json!({"rotationStrategy": "both"}), "`rotationStrategy`"),
            ("no-admin", json!({"rotationStrategy": "alternating", "masterarn": null}), "`masterarn`"),
            ("no-room", json!({"username": too_long}), "`_clone`"),
            ("odd-name", json!({"username": "pay:ment"}), "`username`"),
            (
                "plain-url",
                json!({"brokerId": null, "host": "localhost", "managementUrl": "http://localhost"}),
                "`managementUrl`",
            ),
        ];
        for (case, changes, words) in cases {
            let app = cloud.create_app_with(&name(case), &changes).await?;
            let version = cloud.begin_rotation(&app.arn).await?;
            let before = state_of(cloud, &app.user, &app.arn).await?;
            for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
                let answer = cloud.step(&app.arn, &version, step).await?;
                ensure!(answer.kind() == "secret.invalid", "{case} {step}: {answer:?}");
                ensure!(format!("{answer:?}").contains(words), "{case} {step}: {answer:?}");
            }
            let notices = cloud.notices.wait_for(&app.arn, 4).await?;
            ensure!(notices.len() == 4, "{case}: a notice for each failure");
            // The version has no value yet, as in a test-only rotation.
            for notice in notices {
                ensure!(notice["testOnly"] == (notice["step"] == "testSecret"), "{case}: {notice}");
            }
            ensure!(state_of(cloud, &app.user, &app.arn).await? == before, "{case} changed something");
        }
        Ok(())
    })
}

#[test]
fn a_secret_whose_tag_is_written_in_another_case_is_not_rotated() -> Result<()> {
    on_the_cloud(async |cloud| {
        // For IAM, each of these is the tag of a secret to rotate.
        for (case, tags) in [
            ("other-case", &[("Rotation-MQ", "rotate")][..]),
            ("both-cases", &[("rotation-mq", "rotate"), ("ROTATION-MQ", "rotate")]),
        ] {
            let app = cloud.create_app(&name(case)).await?;
            cloud.secrets.untag_resource().secret_id(&app.arn).tag_keys("rotation-mq").send().await?;
            cloud.set_tags(&app.arn, tags).await?;
            let version = cloud.begin_rotation(&app.arn).await?;
            let before = state_of(cloud, &app.user, &app.arn).await?;
            let answer = cloud.step(&app.arn, &version, "createSecret").await?;
            failed_once(cloud, &app.arn, &answer, "rotation.tag_mismatch", "in another case: remove it")
                .await?;
            ensure!(state_of(cloud, &app.user, &app.arn).await? == before, "{case} changed something");
        }
        Ok(())
    })
}

#[test]
fn a_value_that_is_not_a_json_object_is_refused_without_being_quoted() -> Result<()> {
    on_the_cloud(async |cloud| {
        for (case, text) in [
            ("text", "canary-not-json"),
            ("string", "\"canary-not-json\""),
            ("list", "[\"canary-not-json\"]"),
        ] {
            let user = name(case);
            let arn = cloud.create_secret(&format!("rabbitmq/{user}"), text).await?;
            let version = cloud.begin_rotation(&arn).await?;
            let answer = cloud.step(&arn, &version, "createSecret").await?;
            let notice = failed_once(cloud, &arn, &answer, "secret.invalid", "not a JSON object").await?;
            ensure!(!format!("{answer:?} {notice}").contains("canary"), "{answer:?} {notice}");
        }
        Ok(())
    })
}

#[test]
fn a_pending_value_that_can_no_longer_be_right_is_stale_and_is_left_alone() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("stale")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        // SecOps makes a version of the other user current by hand.
        let mut by_hand = cloud.value(&app.arn, "AWSCURRENT").await?;
        by_hand["username"] = json!(format!("{}_clone", app.user));
        let put = cloud.secrets.put_secret_value().secret_id(&app.arn).secret_string(by_hand.to_string());
        let put = put.version_stages("AWSPREVIOUS").send().await?;
        let current = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        cloud
            .secrets
            .update_secret_version_stage()
            .secret_id(&app.arn)
            .version_stage("AWSCURRENT")
            .remove_from_version_id(current)
            .move_to_version_id(put.version_id.unwrap_or_default())
            .send()
            .await?;
        let before = state_of(cloud, &app.user, &app.arn).await?;
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            let answer = cloud.step(&app.arn, &version, step).await?;
            ensure!(answer.kind() == "pending.stale", "{step}: {answer:?}");
        }
        ensure!(state_of(cloud, &app.user, &app.arn).await? == before);
        ensure!(cloud.version(&app.arn, "AWSPENDING").await? == Some(version), "AWSPENDING was taken off");
        Ok(())
    })
}

#[test]
fn a_secret_without_a_value_and_one_that_is_to_be_deleted_are_reported_with_what_to_do() -> Result<()> {
    on_the_cloud(async |cloud| {
        // As with Terraform: rotation is configured before the first value exists.
        let app = cloud.create_app(&name("no-value")).await?;
        let tag = aws_sdk_secretsmanager::types::Tag::builder().key("rotation-mq").value("rotate").build();
        let named = cloud.secrets.create_secret().name(format!("rabbitmq/{}", name("empty")));
        let empty = named.tags(tag).send().await?.arn.unwrap_or_default();
        let version = cloud.begin_rotation(&empty).await?;
        let answer = cloud.step(&empty, &version, "createSecret").await?;
        failed_once(cloud, &empty, &answer, "secret.not_found", "no current value yet").await?;

        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.secrets.delete_secret().secret_id(&app.arn).recovery_window_in_days(7).send().await?;
        let answer = cloud.step(&app.arn, &version, "createSecret").await?;
        failed_once(cloud, &app.arn, &answer, "secret.not_found", "restore-secret").await?;

        let user = name("admin-deleted");
        let admin = cloud.create_admin(&user, &json!({})).await?;
        let app = cloud.create_app_with(&user, &json!({"masterarn": admin})).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        cloud.secrets.delete_secret().secret_id(&admin).recovery_window_in_days(7).send().await?;
        let answer = cloud.step(&app.arn, &version, "setSecret").await?;
        failed_once(cloud, &app.arn, &answer, "admin.secret_unreadable", "restore-secret").await?;
        cloud.secrets.restore_secret().secret_id(&admin).send().await?;
        cloud.steps(&app.arn, &version).await?;
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn what_was_stored_beside_a_password_or_a_value_is_named() -> Result<()> {
    on_the_cloud(async |cloud| {
        for (case, after, words) in
            [("newline", "\n", "ends with a line break"), ("blank", " ", "white space")]
        {
            let app = cloud.create_app(&name(case)).await?;
            let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
            let right = value["password"].as_str().unwrap_or_default().to_owned();
            value["password"] = json!(format!("{right}{after}"));
            let put = cloud.secrets.put_secret_value().secret_id(&app.arn).secret_string(value.to_string());
            put.send().await?;
            let version = cloud.begin_rotation(&app.arn).await?;
            cloud.step(&app.arn, &version, "createSecret").await?.value()?;
            let answer = cloud.step(&app.arn, &version, "setSecret").await?;
            failed_once(cloud, &app.arn, &answer, "current.login_refused", words).await?;
            ensure!(!format!("{answer:?}").contains(&right), "the password is in the answer");
        }
        let marked = cloud.create_secret(&format!("rabbitmq/{}", name("bom")), "\u{feff}{}").await?;
        let version = cloud.begin_rotation(&marked).await?;
        let answer = cloud.step(&marked, &version, "createSecret").await?;
        failed_once(cloud, &marked, &answer, "secret.invalid", "byte-order mark").await?;
        Ok(())
    })
}

#[test]
fn a_pending_value_that_is_not_known_everywhere_yet_is_read_again() -> Result<()> {
    on_the_cloud(async |cloud| {
        let aws = FaultProxy::http(cloud.aws.endpoint())?;
        let variables = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.url())];
        let variant = cloud.deploy_variant(&name("eventually"), &[], &variables).await?;
        let app = cloud.create_app(&name("eventually")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            let reads_pending = |call: &Call| {
                let body = String::from_utf8_lossy(call.body()).into_owned();
                call.operation() == "GetSecretValue" && body.contains("AWSPENDING")
            };
            aws.reset();
            if step != "createSecret" {
                aws.inject(
                    Rule::at(1, reads_pending, Fault::aws_error(400, "ResourceNotFoundException")).times(2),
                );
            }
            let event = json!({"Step": step, "SecretId": app.arn, "ClientRequestToken": version});
            cloud.invoke_function(&variant.function, &event).await?.value()?;
        }
        converged(cloud, &app.user, &app.arn, &version).await?;
        current_logs_in(cloud, &app.arn).await
    })
}
