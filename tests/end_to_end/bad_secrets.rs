//! Values that break the contract: refused by the field's name, before anything is written.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;

use crate::support::{failed_once, state_of};

#[test]
fn a_value_that_breaks_the_contract_is_refused_by_the_name_of_its_field() -> Result<()> {
    on_the_cloud(async |cloud| {
        let too_long = "u".repeat(95);
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
        // To IAM all of these are the tag of a secret to rotate.
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
        // SecOps rolls forward by hand to a version of the user whose turn it was.
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
