//! A secret whose broker is in another account (`docs/src/accounts-and-regions.md`).
//!
//! The functions are in the account of the secret. Amazon MQ describes a broker only in the broker's own account, so the
//! secret has explicit endpoints instead of a `brokerId`.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;

use crate::bad_brokers::set_secret_fails;
use crate::support::{converged, current_logs_in};

/// The account of the broker.
const OTHER: &str = "111122223333";

#[test]
fn a_secret_rotates_on_a_broker_of_another_account_by_explicit_endpoints() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (own, console) = (name("elsewhere"), cloud.broker.management_url());
        let amqps = format!("amqps://localhost:{}", cloud.broker.amqps_port());
        let id = cloud.aws.create_broker_in(OTHER, &own, &console, &amqps).await?;

        let by_id = name("by-id");
        let admin = cloud.create_admin(&by_id, &json!({"brokerId": id})).await?;
        let app = cloud.create_app_with(&by_id, &json!({"brokerId": id, "masterarn": admin})).await?;
        set_secret_fails(cloud, &app, "broker.not_found", &id).await?;

        let app = cloud.create_app_at(&own, cloud.broker.amqps_port(), &console).await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is AWSCURRENT")?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let version = cloud.rotate_successfully(&app.arn).await?;
        converged(cloud, &app.user, &app.arn, &version).await?;

        let question = json!({"Action": "inspect", "SecretId": app.arn});
        let seen = cloud.invoke_function(cloud.inspect_function()?, &question).await?.value()?;
        ensure!(seen["findings"] == json!([]), "{seen}");
        let event = json!({"Action": "revokePrevious", "SecretId": app.arn, "VersionId": leaked});
        cloud.act(&event).await?.value()?;
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        current_logs_in(cloud, &app.arn).await
    })
}
