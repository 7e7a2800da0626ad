//! Rows L: staging labels.

use anyhow::Result;
use aws::{Pending, RotationOptions};

use crate::support::{Secret, assert_refused, token};

#[tokio::test]
async fn a_label_moves_only_from_the_version_that_is_named() -> Result<()> {
    let secret = Secret::new().await?;
    let token = secret.put("second", &token(), &["AWSPENDING"]).await?;
    let moved = || {
        let update = secret.client.update_secret_version_stage().secret_id(&secret.arn);
        update.version_stage("AWSCURRENT").move_to_version_id(&token)
    };
    assert_refused(moved().send().await, "InvalidParameterException")?;
    assert_refused(moved().remove_from_version_id(&token).send().await, "InvalidParameterException")?;
    let unknown = "11111111-1111-4111-8111-111111111111";
    assert_refused(moved().remove_from_version_id(unknown).send().await, "ResourceNotFoundException")?;
    assert_eq!(secret.labels(&secret.first).await?, ["AWSCURRENT"]);

    moved().remove_from_version_id(&secret.first).send().await?;
    assert_eq!(secret.value().await?, "second");
    Ok(())
}

#[tokio::test]
async fn previous_follows_current() -> Result<()> {
    let secret = Secret::new().await?;
    let token = secret.put("second", &token(), &["AWSPENDING"]).await?;
    promote(&secret, &token, &secret.first).await?;
    assert_eq!(secret.labels(&secret.first).await?, ["AWSPREVIOUS"]);

    promote(&secret, &secret.first, &token).await?;
    assert_eq!(secret.labels(&secret.first).await?, ["AWSCURRENT"], "a roll-back");
    assert!(secret.labels(&token).await?.contains(&"AWSPREVIOUS".to_owned()));
    Ok(())
}

#[tokio::test]
async fn current_cannot_be_taken_off() -> Result<()> {
    let secret = Secret::new().await?;
    let take_off =
        secret.client.update_secret_version_stage().secret_id(&secret.arn).version_stage("AWSCURRENT");
    assert_refused(take_off.remove_from_version_id(&secret.first).send().await, "InvalidParameterException")?;
    assert_eq!(secret.value().await?, "first");
    Ok(())
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
    let secret = Secret::new().await?;
    let token = secret.put("second", &token(), &["AWSPENDING"]).await?;
    take_pending_off(&secret, &token).await?;
    let list = async |deprecated: bool| -> Result<bool> {
        let list = secret.client.list_secret_version_ids().secret_id(&secret.arn);
        let versions = list.include_deprecated(deprecated).send().await?.versions.unwrap_or_default();
        Ok(versions.iter().any(|version| version.version_id() == Some(&token)))
    };
    assert!(!list(false).await?);
    assert!(list(true).await?);
    let description = secret.client.describe_secret().secret_id(&secret.arn).send().await?;
    assert!(!description.version_ids_to_stages.unwrap_or_default().contains_key(&token));
    Ok(())
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
