//! The functions as people use them: a secret from its template, and a rotation from the command line.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::Value;
use testbed::aws::RotationOptions;
use testbed::cloud::{App, workspace};

use crate::support::{converged, current_logs_in};

const LIMIT: Duration = Duration::from_secs(60);

async fn run(mut command: Command) -> Result<Value> {
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[test]
fn secops_rotates_with_the_aws_cli() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("cli")).await?;
        let function = cloud.rotation_function()?;
        let mut rotate = cloud.aws.cli();
        rotate.args([
            "secretsmanager",
            "rotate-secret",
            "--secret-id",
            &app.arn,
            "--rotation-lambda-arn",
            function,
        ]);
        rotate.args(["--rotation-rules", r#"{"ScheduleExpression":"rate(1 day)"}"#]);
        let version = run(rotate).await?["VersionId"].as_str().context("no version")?.to_owned();
        let rotation = cloud.aws.wait_for_rotation(&app.arn, Some(&version), LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        converged(cloud, &app.user, &app.arn, &version).await?;
        // After rotation is configured, the command needs only the name.
        let mut again = cloud.aws.cli();
        again.args(["secretsmanager", "rotate-secret", "--secret-id", &format!("rabbitmq/{}", app.user)]);
        let version = run(again).await?["VersionId"].as_str().context("no version")?.to_owned();
        let rotation = cloud.aws.wait_for_rotation(&app.arn, Some(&version), LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn a_secret_whose_user_is_created_by_hand_rotates_as_soon_as_rotation_is_on() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("deployed");
        let (secret, function) = (format!("rabbitmq/{user}"), cloud.rotation_function()?);
        let template = workspace().join("infra/secret.yaml");
        let mut parameters = vec![
            ("SecretName", secret.as_str()),
            ("Username", &user),
            ("BrokerId", &cloud.broker_id),
            ("AdminSecretArn", &cloud.admin_secret),
            ("RotationFunctionArn", function),
        ];
        cloud.aws.deploy(&user, &template, &parameters, &[]).await?;
        let described = cloud.secrets.describe_secret().secret_id(&secret).send().await?;
        let app = App { user: user.clone(), arn: described.arn.context("no ARN")? };
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().context("no password was generated")?;
        let management = cloud.broker.management()?;
        management.create_user(&user, password, &[]).await?;
        management.set_permissions(&user, "/", ["", "^orders$", ""]).await?;
        current_logs_in(cloud, &app.arn).await?;

        parameters.push(("Rotation", "on"));
        cloud.aws.deploy(&user, &template, &parameters, &[]).await?;
        let rotation = cloud.aws.wait_for_rotation(&app.arn, None, LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        converged(cloud, &user, &app.arn, &rotation.version_id).await
    })
}

#[test]
fn the_rotation_token_reaches_put_secret_value_and_nothing_else() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("token")).await?;
        let options = RotationOptions { rotation_token: Some(true), ..RotationOptions::default() };
        cloud.aws.set_rotation_options(Some(&app.arn), &options).await?;
        let version = cloud.rotate_successfully(&app.arn).await?;
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn a_value_stored_by_hand_during_a_rotation_ends_it_and_the_next_one_succeeds() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("by-hand")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            cloud.step(&app.arn, &version, step).await?.value()?;
        }
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        cloud.secrets.put_secret_value().secret_id(&app.arn).secret_string(value.to_string()).send().await?;
        let answer = cloud.step(&app.arn, &version, "testSecret").await?;
        ensure!(answer.kind().starts_with("rotation.version_"), "{answer:?}");
        cloud
            .aws
            .set_rotation_options(
                Some(&app.arn),
                &RotationOptions { steps: Some(4), ..RotationOptions::default() },
            )
            .await?;
        let version = cloud.rotate_successfully(&app.arn).await?;
        converged(cloud, &app.user, &app.arn, &version).await
    })
}
