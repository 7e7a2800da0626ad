//! The operator is down: deliveries fail and are retried, the user in the cluster is not rotated, and the delivery
//! succeeds when the operator is up again.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name};
use serde_json::json;
use testbed::schema::valid;

use super::routed::{LIMIT, NAMESPACE, RECEIPT, Routed, refused, until};
use super::triggers::routed_app;

#[test]
fn while_the_operator_is_away_nothing_breaks_and_it_catches_up() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let user = name("waiting");
        let app = routed_app(cloud, &user).await?;
        let first = cloud.rotate_successfully(&app).await?;
        cloud.wait_for_tag(&app, "secret2eks/delivered", &first, LIMIT).await?;
        let delivered = cloud.value(&app, "AWSCURRENT").await?;

        kubernetes.stop_operator().await;
        let second = cloud.rotate_successfully(&app).await?;
        refused(&cloud.deliver(&app).await?, "delivery.not_synced", &second)?;

        // The next rotation would reset the user that the cluster logs in with.
        let rotation = cloud.rotate(&app).await?;
        let steps = rotation.attempts.iter().flat_map(|attempt| &attempt.steps);
        let kinds: Vec<_> = steps.filter_map(|step| step.error_type.as_deref()).collect();
        ensure!(kinds.contains(&"delivery.undelivered"), "{rotation:?}");
        let in_cluster = kubernetes.secret(NAMESPACE, &user).await?.context("no Secret")?;
        ensure!(in_cluster["username"] == delivered["username"].as_str().unwrap_or_default());
        ensure!(cloud.logs_in(&json!(in_cluster)).await?, "what the cluster holds does not log in");

        // Each retried request ends in one record, with the kind as the type of the error.
        until("a record of the failure is in the queue", async || {
            Ok(!cloud.notices.envelopes_about(&app).await?.is_empty())
        })
        .await?;
        let records = cloud.notices.envelopes_about(&app).await?;
        let record = records.first().context("no record")?;
        ensure!(record["responsePayload"]["errorType"] == "delivery.not_synced", "{record}");
        ensure!(record["requestContext"]["approximateInvokeCount"] == 3, "{record}");
        if record["requestPayload"]["secretArn"].is_string() {
            valid("delivery-request", &record["requestPayload"])?;
        }

        kubernetes.start_operator().await?;
        cloud.request_delivery(&app).await?;
        cloud.wait_for_tag(&app, "secret2eks/delivered", &second, LIMIT).await?;
        cloud.aws.resume_rotation(&app, testbed::aws::Token::Same).await?;
        until("the rotation that was refused is finished", async || {
            Ok(cloud.version(&app, "AWSCURRENT").await?.as_deref() != Some(second.as_str()))
        })
        .await
    })
}

#[test]
fn a_retry_of_lambda_delivers_once_the_operator_is_back() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let app = routed_app(cloud, &name("retried")).await?;
        kubernetes.stop_operator().await;
        let log = || cloud.aws.function_log(cloud.delivery_function()?);
        let version = cloud.rotate_successfully(&app).await?;
        until("a first attempt has failed", async || {
            Ok(log()?.iter().any(|line| line.contains("delivery.not_synced") && line.contains(&version)))
        })
        .await?;
        kubernetes.start_operator().await?;
        cloud.wait_for_tag(&app, "secret2eks/delivered", &version, LIMIT).await
    })
}

#[test]
fn no_receipt_is_left_for_a_version_that_the_operator_has_not_read() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let secret = Routed::delivered(cloud, &name("unread"), &[]).await?;
        kubernetes.stop_operator().await;
        let version = secret.put("second").await?;
        let asked = async || {
            let object = secret.external_secret().await?;
            Ok(object["metadata"]["annotations"]["secret2eks/version-id"] == version.as_str())
        };
        // Another request writes another version while this one waits.
        let interfere = async {
            until("the new version is asked for", asked).await?;
            let other = json!({"metadata": {"annotations": {"secret2eks/version-id": "another"}}});
            kubernetes.edit_external_secret(NAMESPACE, &secret.name, &other).await
        };
        let (answer, interfered) = tokio::join!(cloud.deliver(&secret.arn), interfere);
        interfered?;
        refused(&answer?, "delivery.not_synced", &version)?;
        ensure!(
            cloud.tag_of(&secret.arn, RECEIPT).await?.as_deref() != Some(version.as_str()),
            "a false receipt"
        );
        kubernetes.start_operator().await?;
        secret.deliver().await?;
        secret.arrived("second").await?;
        secret.receipt(&version).await
    })
}
