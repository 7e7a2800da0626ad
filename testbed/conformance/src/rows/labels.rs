//! Rows L: staging labels.

use anyhow::Result;

use crate::secret::{FIRST, SECOND, token};
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, contradiction, holds, observed, refused};

/// A label moves only from the version that is named.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn l1(target: &Target) -> Result<Verdict> {
    let secret = target.secret("l1").await?;
    let token = secret.put(SECOND, &token(), &["AWSPENDING"]).await?;
    let moved = || {
        let update = target.secrets.update_secret_version_stage().secret_id(&secret.arn);
        update.version_stage("AWSCURRENT").move_to_version_id(&token)
    };
    refused("no version named", moved().send().await, "InvalidParameterException")?;
    let wrong = moved().remove_from_version_id(&token).send().await;
    refused("another version named", wrong, "InvalidParameterException")?;
    let unknown = moved().remove_from_version_id("11111111-1111-4111-8111-111111111111").send().await;
    refused("an unknown version named", unknown, "ResourceNotFoundException")?;
    secret.must_have("first", &secret.first, &["AWSCURRENT"]).await?;
    moved().remove_from_version_id(&secret.first).send().await?;
    secret.must_hold(SECOND).await?;
    confirmed()
}

/// AWSPREVIOUS follows AWSCURRENT, also on a roll-back.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn l2(target: &Target) -> Result<Verdict> {
    let secret = target.secret("l2").await?;
    let token = secret.put(SECOND, &token(), &["AWSPENDING"]).await?;
    secret.promote(&token, &secret.first).await?;
    secret.must_have("first", &secret.first, &["AWSPREVIOUS"]).await?;
    secret.promote(&secret.first, &token).await?;
    secret.must_have("first", &secret.first, &["AWSCURRENT"]).await?;
    let labels = secret.labels(&token).await?;
    let is_previous = labels.iter().any(|label| label == "AWSPREVIOUS");
    holds(is_previous, || format!("after a roll-back, the labels are {labels:?}"))?;
    confirmed()
}

/// AWSCURRENT cannot be removed.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn l3(target: &Target) -> Result<Verdict> {
    let secret = target.secret("l3").await?;
    let update = target.secrets.update_secret_version_stage().secret_id(&secret.arn);
    let removed = update.version_stage("AWSCURRENT").remove_from_version_id(&secret.first).send().await;
    refused("AWSCURRENT removed", removed, "InvalidParameterException")?;
    secret.must_hold(FIRST).await?;
    confirmed()
}

/// Whether a promoted version keeps AWSPENDING.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn l4(target: &Target) -> Result<Verdict> {
    let secret = target.secret("l4").await?;
    let token = secret.put(SECOND, &token(), &["AWSPENDING"]).await?;
    secret.promote(&token, &secret.first).await?;
    let labels = secret.labels(&token).await?;
    match labels.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["AWSCURRENT", "AWSPENDING"] => observed("AWSPENDING was kept"),
        ["AWSCURRENT"] => observed("AWSPENDING was removed"),
        _ => Err(contradiction(format!("the promoted version has the labels {labels:?}"))),
    }
}

/// A version without labels is listed on request only.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn l5(target: &Target) -> Result<Verdict> {
    let secret = target.secret("l5").await?;
    let token = secret.put(SECOND, &token(), &["AWSPENDING"]).await?;
    secret.take_pending_off(&token).await?;
    let list = async |deprecated: bool| -> Result<bool> {
        let list = target.secrets.list_secret_version_ids().secret_id(&secret.arn);
        let versions = list.include_deprecated(deprecated).send().await?.versions.unwrap_or_default();
        Ok(versions.iter().any(|version| version.version_id() == Some(&token)))
    };
    holds(!list(false).await?, || "a version without labels is listed without IncludeDeprecated".to_owned())?;
    holds(list(true).await?, || "a version without labels is not listed with IncludeDeprecated".to_owned())?;
    let described = secret.describe().await?.version_ids_to_stages.unwrap_or_default();
    holds(!described.contains_key(&token), || "a version without labels is described".to_owned())?;
    let read = target.secrets.get_secret_value().secret_id(&secret.arn).version_id(&token).send().await;
    observed(if read.is_ok() { "it can still be read" } else { "it cannot be read any more" })
}
