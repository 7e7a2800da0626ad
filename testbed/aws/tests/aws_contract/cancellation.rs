//! Rows C: cancelling.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::labels::take_pending_off;
use crate::support::{Secret, assert_refused, eventually, put, token};

#[tokio::test]
async fn cancelling_stops_before_the_next_step_and_leaves_pending() -> Result<()> {
    let secret = Secret::new().await?;
    let go = secret.shared.probe_folder.join(format!("go-{}", token()));
    secret.script(&json!({"createSecret": [put("second"), {"do": "wait-for-file", "path": go}]}))?;
    let version = secret.rotate().await?;
    eventually("the first step", async || Ok(secret.events()?.pop())).await?;

    let cancelled = secret.client.cancel_rotate_secret().secret_id(&secret.arn).send().await?;
    assert_eq!(cancelled.version_id, Some(version.clone()), "names the version that may be incomplete");
    std::fs::write(go, "")?;
    assert_eq!(secret.wait(&version).await?.outcome, "cancelled");
    assert_eq!(secret.events()?.len(), 1);
    assert_eq!(secret.labels(&version).await?, ["AWSPENDING"]);
    let description = secret.client.describe_secret().secret_id(&secret.arn).send().await?;
    assert_eq!((description.rotation_enabled, description.next_rotation_date), (Some(false), None));
    Ok(())
}

#[tokio::test]
async fn a_cancelled_rotation_blocks_the_next_until_pending_is_taken_off() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script(
        &json!({"createSecret": [put("second"), {"do": "fail", "type": "x", "message": "x", "times": 1}],
        "finishSecret": [{"do": "promote"}]}),
    )?;
    let failed = secret.rotate_and_wait().await?;
    secret.client.cancel_rotate_secret().secret_id(&secret.arn).send().await?;
    let rotate = || secret.client.rotate_secret().secret_id(&secret.arn);
    assert_refused(rotate().send().await, "InvalidRequestException")?;

    take_pending_off(&secret, &failed.version_id).await?;
    let version = rotate().send().await?.version_id.context("no version")?;
    assert_eq!(secret.wait(&version).await?.outcome, "succeeded");
    let description = secret.client.describe_secret().secret_id(&secret.arn).send().await?;
    assert_eq!(description.rotation_enabled, Some(true), "RotateSecret turns rotation on again");
    Ok(())
}

#[tokio::test]
async fn cancelling_needs_a_rotation_function() -> Result<()> {
    let secret = Secret::new().await?;
    let cancel = secret.client.cancel_rotate_secret().secret_id(&secret.arn);
    assert_refused(cancel.send().await, "InvalidRequestException")?;
    Ok(())
}
