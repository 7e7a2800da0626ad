//! A deployment that fails at each of its steps. It leaves nothing, changes nobody's user, and can be repeated.

use std::time::Duration;

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, kill_function};

use super::{
    LIMIT, PATTERNS, clone_of, deploy, fails, nothing_is_left, permissions, properties, rotated, with,
};
use crate::support::{converged, current_logs_in, state_of};

#[test]
fn a_rollback_at_each_step_leaves_nothing_and_the_same_deployment_succeeds_afterwards() -> Result<()> {
    on_the_cloud(async |cloud| {
        let bystander = cloud.create_app(&name("bystander")).await?;
        cloud.rotate_successfully(&bystander.arn).await?;
        let before = state_of(cloud, &bystander.user, &bystander.arn).await?;
        // The user is refused, and the schedule is refused after the user was created.
        let steps = [("Vhost", "missing", "vhost"), ("ScheduleExpression", "rate(1 hour)", "Schedule")];
        for (parameter, value, words) in steps {
            let user = name("rolled-back");
            let message = fails(cloud, &user, &[(parameter, value)]).await?;
            ensure!(message.contains(words), "{parameter}: {message}");
            nothing_is_left(cloud, &user).await?;
            cloud.aws.delete_stack(&user).await?;
            let arn = rotated(cloud, &user).await?;
            current_logs_in(cloud, &arn).await?;
        }
        ensure!(state_of(cloud, &bystander.user, &bystander.arn).await? == before, "another pair changed");
        Ok(())
    })
}

#[test]
fn a_secret_that_exists_fails_the_deployment_before_the_user() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("existing")).await?;
        let before = state_of(cloud, &app.user, &app.arn).await?;
        let message = fails(cloud, &app.user, &[]).await?;
        ensure!(message.contains("already exists"), "{message}");
        ensure!(state_of(cloud, &app.user, &app.arn).await? == before, "something was changed");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn an_update_that_is_rolled_back_leaves_the_permissions_as_they_were() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("reverted");
        let arn = rotated(cloud, &user).await?;
        // The user is updated. Then the schedule is refused.
        let changes = [("Write", "^other$"), ("ScheduleExpression", "rate(1 hour)")];
        fails(cloud, &user, &changes).await?;
        for one in [user.clone(), clone_of(&user)] {
            ensure!(permissions(cloud, &one).await? == json!(PATTERNS), "{one}");
        }
        // The update is refused by the broker.
        fails(cloud, &user, &[("Write", "^(not a pattern")]).await?;
        ensure!(permissions(cloud, &user).await? == json!(PATTERNS), "{user}");
        current_logs_in(cloud, &arn).await
    })
}

#[test]
fn a_function_that_is_killed_fails_the_stack_after_its_service_timeout_and_leaves_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (user, variant) = (name("killed"), cloud.deploy_variant(&name("killed-by"), &[], &[]).await?);
        let template = secret_and_user(cloud, &user, variant.stack.output("BrokerUserFunctionArn")?);
        let path = cloud.folder().join(format!("{user}.yaml"));
        std::fs::write(&path, template.to_string())?;
        let (endpoint, function) = (cloud.aws.endpoint(), format!("{}-broker-user", variant.name));
        let (deployed, ()) = tokio::join!(cloud.aws.deploy(&user, &path, &[], &[]), async {
            // The Delete of the rollback comes after the ServiceTimeout and is not killed.
            for _ in 0..100 {
                kill_function(endpoint, &function);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let message = deployed.err().map(|error| format!("{error:#}")).unwrap_or_default();
        ensure!(message.contains("did not receive a response"), "{message}");
        nothing_is_left(cloud, &user).await
    })
}

#[test]
fn a_stack_that_takes_over_users_keeps_them_in_its_rollback_and_when_it_is_deleted() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (by_hand, rotated) =
            (cloud.create_app(&name("by-hand")).await?, cloud.create_app(&name("in-use")).await?);
        cloud.rotate_successfully(&rotated.arn).await?;
        for app in [by_hand, rotated] {
            let stack = name("takes-over");
            let path = cloud.folder().join(format!("{stack}.yaml"));
            let function = json!({"ServiceToken": cloud.broker_user_function()?, "ServiceTimeout": 60});
            let properties = with(&properties(cloud, &app.user, &app.arn), &function);
            let mut template = json!({"Resources": {
                "BrokerUser": {"Type": "Custom::BrokerUser", "Properties": properties},
                "Broken": {
                    "Type": "AWS::CloudWatch::Dashboard", "DependsOn": "BrokerUser",
                    "Properties": {"DashboardName": "never", "DashboardBody": "no JSON"},
                },
            }});
            std::fs::write(&path, template.to_string())?;
            let failed = cloud.aws.deploy(&stack, &path, &[], &[]).await;
            let message = failed.err().map(|error| format!("{error:#}")).unwrap_or_default();
            ensure!(message.contains("Broken"), "{message}");
            current_logs_in(cloud, &app.arn).await?;
            cloud.aws.delete_stack(&stack).await?;

            template["Resources"] = json!({"BrokerUser": template["Resources"]["BrokerUser"]});
            std::fs::write(&path, template.to_string())?;
            let deployed = cloud.aws.deploy(&stack, &path, &[], &[]).await?;
            let id = deployed.resource("BrokerUser")?;
            ensure!(id == format!("existing:{}/{}", cloud.broker_id, app.user), "{id}");
            let before = state_of(cloud, &app.user, &app.arn).await?;
            cloud.aws.delete_stack(&stack).await?;
            ensure!(state_of(cloud, &app.user, &app.arn).await? == before, "a user was changed");
            current_logs_in(cloud, &app.arn).await?;
        }
        Ok(())
    })
}

/// A secret and its user with a `ServiceTimeout` that is longer than a Delete looks for what may be in flight.
fn secret_and_user(cloud: &Cloud, user: &str, function: &str) -> Value {
    let value = json!({
        "engine": "rabbitmq", "username": user, "brokerId": cloud.broker_id, "masterarn": cloud.admin_secret,
    });
    let generate = json!({
        "GenerateStringKey": "password", "PasswordLength": 40, "ExcludePunctuation": true,
        "SecretStringTemplate": value.to_string(),
    });
    let tags = json!([{"Key": "rotation-mq", "Value": "rotate"}, {"Key": "rotation-mq/user", "Value": user}]);
    let secret = json!({"Name": format!("rabbitmq/{user}"), "GenerateSecretString": generate, "Tags": tags});
    let more = json!({"ServiceToken": function, "ServiceTimeout": 45, "SecretArn": {"Ref": "Secret"}});
    json!({"Resources": {
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": secret},
        "BrokerUser": {"Type": "Custom::BrokerUser", "Properties": with(&properties(cloud, user, ""), &more)},
    }})
}

#[test]
fn a_deployment_after_a_rollback_is_the_same_as_a_first_one() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("second-try");
        fails(cloud, &user, &[("WindowDuration", "25h")]).await?;
        nothing_is_left(cloud, &user).await?;
        cloud.aws.delete_stack(&user).await?;
        let stack = deploy(cloud, &user, &[]).await?;
        let arn = stack.output("SecretArn")?;
        let rotation = cloud.aws.wait_for_rotation(arn, None, LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        converged(cloud, &user, arn, &rotation.version_id).await
    })
}
