//! Broker users that deployments create, change and delete with the function broker-user.

mod ceiling;
mod cookie_store;
mod deployment;
mod faults;
mod notices;
mod refusals;
mod requests;
mod rollback;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::aws::Stack;
use testbed::cloud::{Cloud, workspace};

/// More than the first rotation takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);
/// The patterns of the tests, in the order configure, write, read.
const PATTERNS: [&str; 3] = ["", "^orders$", "^payment"];

/// Deploys `infra/secret.yaml` for `user` as the stack `user`. `changes` replace parameters.
async fn deploy(cloud: &Cloud, user: &str, changes: &[(&str, &str)]) -> Result<Stack> {
    let secret = format!("rabbitmq/{user}");
    let mut parameters = vec![
        ("SecretName", secret.as_str()),
        ("Username", user),
        ("BrokerId", &cloud.broker_id),
        ("AdminSecretArn", &cloud.admin_secret),
        ("RotationFunctionArn", cloud.rotation_function()?),
        ("BrokerUserFunctionArn", cloud.broker_user_function()?),
        ("Write", PATTERNS[1]),
        ("Read", PATTERNS[2]),
    ];
    parameters.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    parameters.extend(changes);
    cloud.aws.deploy(user, &workspace().join("infra/secret.yaml"), &parameters, &[]).await
}

/// Why the deployment failed, after its rollback.
async fn fails(cloud: &Cloud, user: &str, changes: &[(&str, &str)]) -> Result<String> {
    let failed = deploy(cloud, user, changes).await.err().context("it was deployed")?;
    Ok(format!("{failed:#}"))
}

/// A deployment whose first rotation has succeeded. Returns the ARN of the secret.
async fn rotated(cloud: &Cloud, user: &str) -> Result<String> {
    let arn = deploy(cloud, user, &[]).await?.output("SecretArn")?.to_owned();
    let rotation = cloud.aws.wait_for_rotation(&arn, None, LIMIT).await?;
    ensure!(rotation.outcome == "succeeded", "{rotation:?}");
    Ok(arn)
}

fn clone_of(user: &str) -> String {
    format!("{user}_clone")
}

/// The permissions of a user on `/`, as configure, write and read.
async fn permissions(cloud: &Cloud, user: &str) -> Result<Value> {
    Ok(cloud.broker.management()?.grants(user).await?["permissions"]["\"/\""].clone())
}

/// Checks that neither the users of the pair nor the secret exist.
async fn nothing_is_left(cloud: &Cloud, user: &str) -> Result<()> {
    let management = cloud.broker.management()?;
    for one in [user.to_owned(), clone_of(user)] {
        ensure!(management.user(&one).await?.is_none(), "the user {one} is left");
    }
    let secret = cloud.secrets.describe_secret().secret_id(format!("rabbitmq/{user}")).send().await;
    ensure!(secret.is_err(), "the secret is left: {secret:?}");
    Ok(())
}

/// The properties of a user, as all three events have them.
fn properties(cloud: &Cloud, user: &str, arn: &str) -> Value {
    json!({
        "SecretArn": arn, "Username": user, "Broker": cloud.broker_id,
        "Permissions": [{"Vhost": "/", "Configure": PATTERNS[0], "Write": PATTERNS[1], "Read": PATTERNS[2]}],
    })
}

/// A secret without a broker user, as a pipeline creates it. Returns its ARN.
async fn secret_of(cloud: &Cloud, user: &str) -> Result<String> {
    let value = json!({
        "engine": "rabbitmq", "brokerId": cloud.broker_id, "masterarn": cloud.admin_secret, "username": user,
        "password": testbed::cloud::random_text(40)?,
    });
    cloud.create_secret(&format!("rabbitmq/{user}"), &value.to_string()).await
}

/// `properties` with more or other fields.
fn with(properties: &Value, changes: &Value) -> Value {
    let mut all = properties.clone();
    for (field, change) in changes.as_object().into_iter().flatten() {
        all[field] = change.clone();
    }
    all
}
