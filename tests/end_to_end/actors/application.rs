//! A tenant's application. It reads its own secret, and has the broker user in the secret, with few permissions.
//!
//! By design, it may read AWSPENDING before its turn: the value belongs to the application, and the broker gets it a
//! moment later. `low_broker_user.rs` tests what it can do with its broker user.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::{App, Cloud, tag};

use super::actor::{Actor, allow, attempt};
use super::functions;
use crate::support::UNKNOWN_VERSION;

/// The permissions that README requires for an application that reads its secret itself.
async fn application<'a>(cloud: &'a Cloud, app: &App) -> Result<Actor<'a>> {
    let reads = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"];
    Actor::with(cloud, "application", &[allow(&reads, &[&app.arn])]).await
}

#[test]
fn an_application_reads_its_own_secret_with_its_pending_version_and_no_other() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, other) = (cloud.create_app(&name("own")).await?, cloud.create_app(&name("other")).await?);
        let application = application(cloud, &app).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let read = |arn: &str, stage: &str| {
            let read = application.secrets.get_secret_value().secret_id(arn).version_stage(stage);
            async { attempt(read.send().await) }
        };
        for stage in ["AWSCURRENT", "AWSPENDING"] {
            read(&app.arn, stage).await?.allowed(stage)?;
        }
        for arn in [&other.arn, &cloud.admin_secret] {
            read(arn, "AWSCURRENT").await?.denied(arn)?;
        }
        Ok(())
    })
}

#[test]
fn an_application_changes_nothing_of_its_secret_and_reaches_no_function() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("own")).await?;
        let application = application(cloud, &app).await?;
        application.put(&app.arn, "{}", &["AWSCURRENT"]).await?.denied("a value")?;
        let secrets = &application.secrets;
        let tagged = secrets.tag_resource().secret_id(&app.arn).tags(tag("secret2eks/delivered", "x"));
        attempt(tagged.send().await)?.denied("a tag")?;
        let moved = secrets.update_secret_version_stage().secret_id(&app.arn).version_stage("AWSPENDING");
        attempt(moved.move_to_version_id(UNKNOWN_VERSION).send().await)?.denied("a staging label")?;
        let rotated = secrets.rotate_secret().secret_id(&app.arn);
        attempt(rotated.rotation_lambda_arn(cloud.rotation_function()?).send().await)?
            .denied("a rotation")?;
        let functions = functions(cloud)?;
        ensure!(functions.len() >= 4, "the stack's functions are {functions:?}");
        for function in functions {
            application.invoke(&function, &json!({})).await?.denied(&function)?;
        }
        Ok(())
    })
}
