//! Secrets whose tags, rotation or value are wrong, and what they depend on.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::setup::SetUp;
use crate::support::run_cli;

const ROTATE: (&str, &str) = ("rotation-mq", "rotate");

pub async fn each_broken_secret_is_named(setup: &SetUp) -> Result<()> {
    tags_rotation_and_login(setup).await?;
    admin_whose_login_is_refused(setup).await?;
    no_route(setup).await
}

/// Each secret has one defect, so none hides another one.
async fn tags_rotation_and_login(setup: &SetUp) -> Result<()> {
    let (cloud, own) = (setup.cloud, setup.own.as_str());
    let place = |key| (key, own);
    let mut arns = Vec::new();
    for (name, tags) in [
        ("case", vec![("Rotation-MQ", "rotate")]),
        ("value", vec![("rotation-mq", "yes")]),
        ("age", vec![("rotation-watch/max-age-days", "soon")]),
        (
            "typo",
            vec![
                place("secret2eks/namespace"),
                ("secret2eks/name", "typo"),
                ("secret2eks/store", "SecretStore/aws"),
                ("secret2eks/keyz", "username password"),
            ],
        ),
    ] {
        arns.push(setup.store(&format!("{own}/{name}"), "{}", &tags).await?);
    }
    // Another function rotates it.
    let elsewhere = setup.with_user("elsewhere", &[ROTATE]).await?;
    let rotate = ["secretsmanager", "rotate-secret", "--secret-id", &elsewhere, "--no-rotate-immediately"];
    let rules = ["--rotation-rules", r#"{"ScheduleExpression":"rate(1 day)"}"#, "--rotation-lambda-arn"];
    run_cli(cloud, &[&rotate[..], &rules, &[cloud.rotation_function()?]].concat()).await?;
    // Somebody has changed the password on the broker.
    let locked = setup.rotated("locked", &[ROTATE]).await?;
    let value = cloud.value(&locked, "AWSCURRENT").await?;
    let user = value["username"].as_str().context("no user")?;
    cloud.broker.management()?.create_user(user, "changed-by-hand", &[]).await?;

    let seen = setup.doctor(&[]).await?;
    arns.extend([elsewhere, locked]);
    for arn in &arns {
        setup.remove(arn).await?;
    }
    seen.names_only(&[
        ("secret.tags", "/case", "did you mean `rotation-mq`?"),
        ("secret.tags", "/value", "must be `rotate` or `admin`"),
        ("secret.tags", "/age", "must be a number of days"),
        ("secret.tags", "/typo", "did you mean `secret2eks/keys`?"),
        ("secret.rotation", "/elsewhere", "not the function of this stack"),
        ("secret.inspected", "/locked", "current.login_refused"),
    ])
}

async fn admin_whose_login_is_refused(setup: &SetUp) -> Result<()> {
    let value = setup.cloud.value(&setup.admin, "AWSCURRENT").await?;
    let mut wrong = value.clone();
    wrong["password"] = json!("wrong");
    let put = async |value: &serde_json::Value| {
        setup
            .cloud
            .secrets
            .put_secret_value()
            .secret_id(&setup.admin)
            .secret_string(value.to_string())
            .send()
            .await
    };
    put(&wrong).await?;
    let seen = setup.doctor(&[]).await;
    put(&value).await?;
    seen?.names(&[("admin.secret", "", "admin.login_refused")])
}

async fn no_route(setup: &SetUp) -> Result<()> {
    let function = setup.variant.stack.output("InspectFunctionName")?;
    setup.cloud.add_variables(function, &[("AWS_ENDPOINT_URL_MQ", "https://127.0.0.1:1")]).await?;
    let seen = setup.doctor(&[]).await;
    let endpoint = setup.cloud.aws.endpoint().to_owned();
    setup.cloud.add_variables(function, &[("AWS_ENDPOINT_URL_MQ", &endpoint)]).await?;
    seen?.names(&[("routes.reached", "mq", "")])
}

/// The last test: it changes the stack.
pub async fn parameters_that_contradict_each_other_are_named(setup: &SetUp) -> Result<()> {
    setup.deploy_with(&[("SyncTimeoutSeconds", "40"), ("DeliveryTimeoutSeconds", "30")]).await?;
    let seen = setup.doctor(&[]).await?;
    seen.names(&[("stack.parameters", "DeliveryTimeoutSeconds", "30 s for a delivery that waits 40 s")])
}
