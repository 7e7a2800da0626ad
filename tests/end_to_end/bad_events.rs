//! Events that do not belong to a rotation in progress. They are refused with the reason, and nothing is changed.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::Answer;

use crate::support::{UNKNOWN_VERSION, failed_once, state_of};

#[test]
fn an_event_without_a_known_step_is_refused_and_reported() -> Result<()> {
    on_the_cloud(async |cloud| {
        let arn = |case: &str| format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{case}-AbCdEf");
        let cases = [
            ("no-step", json!({"SecretId": arn("no-step"), "ClientRequestToken": UNKNOWN_VERSION}), "`Step`"),
            (
                "odd-step",
                json!({"Step": "dropSecret", "SecretId": arn("odd-step"), "ClientRequestToken": UNKNOWN_VERSION}),
                "`Step`",
            ),
            ("no-token", json!({"Step": "setSecret", "SecretId": arn("no-token")}), "`ClientRequestToken`"),
            (
                "short-token",
                json!({"Step": "setSecret", "SecretId": arn("short-token"), "ClientRequestToken": "x"}),
                "`ClientRequestToken`",
            ),
            (
                "odd-action",
                json!({"Action": "revokeAll", "SecretId": arn("odd-action"), "VersionId": UNKNOWN_VERSION}),
                "`Action`",
            ),
        ];
        for (case, event, field) in cases {
            let answer = cloud.invoke(&event).await?;
            failed_once(cloud, &arn(case), &answer, "event.invalid", field).await?;
        }
        Ok(())
    })
}

#[test]
fn an_event_that_is_no_object_is_refused() -> Result<()> {
    on_the_cloud(async |cloud| {
        for event in [json!(null), json!([1]), json!("createSecret"), json!(7)] {
            let answer = cloud.invoke(&event).await?;
            ensure!(answer.kind() == "event.invalid", "{event}: {answer:?}");
        }
        Ok(())
    })
}

#[test]
fn a_secret_that_is_not_there_is_named() -> Result<()> {
    on_the_cloud(async |cloud| {
        // IAM decides by name and tag, so for a secret that does not exist AWS may return either error.
        let missing = "arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq/missing-AbCdEf";
        let answer = cloud.step(missing, UNKNOWN_VERSION, "createSecret").await?;
        ensure!(["secret.not_found", "aws.access_denied"].contains(&answer.kind()), "{answer:?}");
        ensure!(matches!(&answer, Answer::Failed { message, .. } if message.contains(missing)), "{answer:?}");
        Ok(())
    })
}

#[test]
fn every_step_refuses_a_version_that_is_unknown_or_not_pending_and_changes_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        for (case, kind) in
            [("unknown", "rotation.version_unknown"), ("previous", "rotation.version_not_pending")]
        {
            for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
                let app = cloud.create_app(&name(case)).await?;
                cloud.rotate_successfully(&app.arn).await?;
                let previous = cloud.version(&app.arn, "AWSPREVIOUS").await?.unwrap_or_default();
                let version = if case == "unknown" { UNKNOWN_VERSION } else { previous.as_str() };
                let before = state_of(cloud, &app.user, &app.arn).await?;
                let answer = cloud.step(&app.arn, version, step).await?;
                failed_once(cloud, &app.arn, &answer, kind, version).await?;
                ensure!(
                    state_of(cloud, &app.user, &app.arn).await? == before,
                    "{case} {step} changed something"
                );
            }
        }
        Ok(())
    })
}

#[test]
fn a_secret_whose_rotation_is_not_enabled_is_refused() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("not-enabled")).await?;
        let version = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        let answer = cloud.step(&app.arn, &version, "setSecret").await?;
        failed_once(cloud, &app.arn, &answer, "rotation.not_enabled", "not enabled").await?;
        Ok(())
    })
}

#[test]
fn every_step_of_a_finished_rotation_can_come_again() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("again")).await?;
        let version = cloud.rotate_successfully(&app.arn).await?;
        let before = state_of(cloud, &app.user, &app.arn).await?;
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            ensure!(cloud.step(&app.arn, &version, step).await? == Answer::Done(Value::Null), "{step}");
        }
        ensure!(state_of(cloud, &app.user, &app.arn).await? == before);
        Ok(())
    })
}

#[test]
fn a_step_before_its_turn_says_that_the_pending_value_is_missing() -> Result<()> {
    on_the_cloud(async |cloud| {
        for step in ["setSecret", "finishSecret"] {
            let app = cloud.create_app(&name("too-early")).await?;
            let version = cloud.begin_rotation(&app.arn).await?;
            let before = state_of(cloud, &app.user, &app.arn).await?;
            let answer = cloud.step(&app.arn, &version, step).await?;
            failed_once(cloud, &app.arn, &answer, "pending.missing", &version).await?;
            ensure!(state_of(cloud, &app.user, &app.arn).await? == before, "{step} changed something");
        }
        Ok(())
    })
}
