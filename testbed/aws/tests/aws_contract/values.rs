//! Rows V: values and versions. The rows themselves are in `conformance`, which asks them of other judges, too.

use anyhow::Result;
use conformance::rows::values;
use serde_json::json;

use crate::support::{Secret, put, target, token};

#[tokio::test]
async fn a_secret_is_created_with_the_token_as_version_or_without_any_version() -> Result<()> {
    values::v1(&target().await?).await?.must_hold()
}

#[tokio::test]
async fn the_same_value_under_the_same_token_changes_nothing() -> Result<()> {
    values::v2(&target().await?).await?.must_hold()
}

#[tokio::test]
async fn another_value_under_the_same_token_is_refused() -> Result<()> {
    values::v3(&target().await?).await?.must_hold()
}

#[tokio::test]
async fn a_put_without_labels_moves_current_and_previous() -> Result<()> {
    values::v4(&target().await?).await?.must_hold()
}

#[tokio::test]
async fn a_put_as_pending_leaves_current_alone() -> Result<()> {
    values::v5(&target().await?).await?.must_hold()
}

#[tokio::test]
async fn a_version_is_not_read_under_a_label_that_it_does_not_carry() -> Result<()> {
    values::v6(&target().await?).await?.must_hold()
}

#[tokio::test]
async fn a_value_put_by_hand_abandons_the_rotation_under_way() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script(&json!({"createSecret": [put("second")], "testSecret": [crate::support::fail()]}))?;
    let failed = secret.rotate_and_wait().await?;
    assert_eq!(secret.labels(&failed.version_id).await?, ["AWSPENDING"]);

    let by_hand = secret.put("by hand", &token(), &["AWSCURRENT"]).await?;
    assert_eq!(secret.labels(&failed.version_id).await?, [""; 0], "Secrets Manager takes AWSPENDING off");
    assert_eq!(secret.labels(&by_hand).await?, ["AWSCURRENT"]);

    let failed = secret.rotate_and_wait().await?;
    let update =
        secret.client.update_secret().secret_id(&secret.arn).secret_string("by update").send().await?;
    assert_eq!(secret.labels(&failed.version_id).await?, [""; 0], "UpdateSecret with a value does the same");
    assert_eq!(secret.labels(&update.version_id.unwrap_or_default()).await?, ["AWSCURRENT"]);
    Ok(())
}

#[tokio::test]
async fn versions_stored_within_one_second_sort_by_their_age() -> Result<()> {
    values::v8(&target().await?).await?.must_hold()
}
