//! Rows L: staging labels. The rows without an option are in `conformance`, which asks them of other judges, too.

use anyhow::Result;
use aws::{Pending, RotationOptions};
use conformance::rows::labels;

use crate::support::{Secret, target, token};

#[tokio::test]
async fn a_label_moves_only_from_the_version_that_is_named() -> Result<()> {
    labels::l1(&target().await?).await?.must_hold()
}

#[tokio::test]
async fn previous_follows_current() -> Result<()> {
    labels::l2(&target().await?).await?.must_hold()
}

#[tokio::test]
async fn current_cannot_be_taken_off() -> Result<()> {
    labels::l3(&target().await?).await?.must_hold()
}

#[tokio::test]
async fn pending_stays_on_the_promoted_version_or_goes() -> Result<()> {
    for (pending, expected) in
        [(Pending::Kept, &["AWSCURRENT", "AWSPENDING"][..]), (Pending::Removed, &["AWSCURRENT"][..])]
    {
        let secret = Secret::new().await?;
        secret
            .options(RotationOptions { pending_after_promotion: Some(pending), ..RotationOptions::default() })
            .await?;
        let token = secret.put("second", &token(), &["AWSPENDING"]).await?;
        promote(&secret, &token, &secret.first).await?;
        assert_eq!(secret.labels(&token).await?, expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_version_without_labels_is_deprecated_and_listed_on_request_only() -> Result<()> {
    labels::l5(&target().await?).await?.must_hold()
}

pub async fn take_pending_off(secret: &Secret, version: &str) -> Result<()> {
    let update =
        secret.client.update_secret_version_stage().secret_id(&secret.arn).version_stage("AWSPENDING");
    update.remove_from_version_id(version).send().await?;
    Ok(())
}

async fn promote(secret: &Secret, to: &str, from: &str) -> Result<()> {
    let update =
        secret.client.update_secret_version_stage().secret_id(&secret.arn).version_stage("AWSCURRENT");
    update.move_to_version_id(to).remove_from_version_id(from).send().await?;
    Ok(())
}
