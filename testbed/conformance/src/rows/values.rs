//! Rows V: values and versions.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::manifest::Kind;
use crate::secret::{FIRST, SECOND, THIRD, VALUE, fail, put, token};
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, holds, refused, same};

/// A version that no secret has.
const UNKNOWN: &str = "11111111-1111-4111-8111-111111111111";

/// `CreateSecret` and its token; no version without a value.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn v1(target: &Target) -> Result<Verdict> {
    let (name, token) = (target.name("v1"), token());
    let create = || target.secrets.create_secret().name(&name).client_request_token(&token);
    let create = || create().set_tags(Some(target.secret_tags()));
    let first = async { Ok(create().secret_string(FIRST).send().await?) };
    let first = target.manifest.before(&target.entry(Kind::Secret, &name), first).await?;
    same("the first version", &first.version_id, &Some(token.clone()))?;
    let again = create().secret_string(FIRST).send().await?;
    same("the version of the same request again", &again.version_id, &Some(token.clone()))?;
    refused("another value", create().secret_string(SECOND).send().await, "ResourceExistsException")?;

    let name = target.name("v1-empty");
    let create = target.secrets.create_secret().name(&name).set_tags(Some(target.secret_tags())).send();
    let empty =
        target.manifest.before(&target.entry(Kind::Secret, &name), async { Ok(create.await?) }).await?;
    same("the version of a secret without a value", &empty.version_id, &None)?;
    let arn = empty.arn.context("no ARN")?;
    let read = target.secrets.get_secret_value().secret_id(&arn).send().await;
    refused("a read without a value", read, "ResourceNotFoundException")?;
    let put = target.secrets.put_secret_value().secret_id(&arn).secret_string(FIRST);
    let put = put.version_stages("AWSPENDING").send().await?;
    let is_current = put.version_stages().iter().any(|label| label == "AWSCURRENT");
    holds(is_current, || format!("the first value put later has the labels {:?}", put.version_stages()))?;
    confirmed()
}

/// The same value under a known token.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn v2(target: &Target) -> Result<Verdict> {
    let secret = target.secret("v2").await?;
    let token = token();
    secret.put(SECOND, &token, &["AWSPENDING"]).await?;
    let again = secret.put(SECOND, &token, &["AWSCURRENT"]).await?;
    same("the version of the repeated request", &again, &token)?;
    secret.must_have("repeated", &token, &["AWSPENDING"]).await?;
    secret.must_hold(FIRST).await?;
    confirmed()
}

/// Another value under a known token.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn v3(target: &Target) -> Result<Verdict> {
    let secret = target.secret("v3").await?;
    let token = token();
    secret.put(SECOND, &token, &["AWSPENDING"]).await?;
    let again = target.secrets.put_secret_value().secret_id(&secret.arn).client_request_token(&token);
    refused("another value", again.secret_string(THIRD).send().await, "ResourceExistsException")?;
    let pending = target.secrets.get_secret_value().secret_id(&secret.arn).version_stage("AWSPENDING");
    let is_kept = pending.send().await?.secret_string.as_deref() == Some(SECOND);
    holds(is_kept, || "the refused value was stored".to_owned())?;
    confirmed()
}

/// A put without labels.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn v4(target: &Target) -> Result<Verdict> {
    let secret = target.secret("v4").await?;
    let put = target.secrets.put_secret_value().secret_id(&secret.arn).secret_string(SECOND).send().await?;
    same("the labels of the new version", put.version_stages(), &["AWSCURRENT"])?;
    secret.must_have("first", &secret.first, &["AWSPREVIOUS"]).await?;
    secret.must_hold(SECOND).await?;
    confirmed()
}

/// A put with AWSPENDING.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn v5(target: &Target) -> Result<Verdict> {
    let secret = target.secret("v5").await?;
    let (one, two) = (token(), token());
    secret.put(SECOND, &one, &["AWSPENDING"]).await?;
    secret.put(THIRD, &two, &["AWSPENDING"]).await?;
    secret.must_have("first", &secret.first, &["AWSCURRENT"]).await?;
    secret.must_have("second", &one, &[]).await?;
    secret.must_have("third", &two, &["AWSPENDING"]).await?;
    confirmed()
}

/// A version read under a label that is not attached to it.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn v6(target: &Target) -> Result<Verdict> {
    let secret = target.secret("v6").await?;
    let token = token();
    secret.put(SECOND, &token, &["AWSPENDING"]).await?;
    let read = || target.secrets.get_secret_value().secret_id(&secret.arn);
    let wrong = read().version_id(&token).version_stage("AWSCURRENT").send().await;
    refused("a label of another version", wrong, "InvalidRequestException")?;
    let both = read().version_id(&token).version_stage("AWSPENDING").send().await?;
    holds(both.secret_string.as_deref() == Some(SECOND), || "the version has another value".to_owned())?;
    refused("an unknown version", read().version_id(UNKNOWN).send().await, "ResourceNotFoundException")?;
    confirmed()
}

/// A value put by hand while a rotation is unfinished.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn v7(target: &Target) -> Result<Verdict> {
    let secret = target.secret("v7").await?;
    secret.script(&json!({"createSecret": [put(SECOND)], "testSecret": [fail()]})).await?;
    let failed = secret.rotate_in_vain().await?;
    secret.must_have("failed", &failed, &["AWSPENDING"]).await?;
    let by_hand = secret.put(&format!("{VALUE}by-hand"), &token(), &["AWSCURRENT"]).await?;
    secret.must_have("abandoned", &failed, &[]).await?;
    secret.must_have("new", &by_hand, &["AWSCURRENT"]).await?;

    let failed = secret.rotate_in_vain().await?;
    let update = target.secrets.update_secret().secret_id(&secret.arn);
    let update = update.secret_string(format!("{VALUE}by-update")).send().await?;
    secret.must_have("abandoned", &failed, &[]).await?;
    secret.must_have("updated", &update.version_id.unwrap_or_default(), &["AWSCURRENT"]).await?;
    confirmed()
}

/// `CreatedDate` has milliseconds.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn v8(target: &Target) -> Result<Verdict> {
    let secret = target.secret("v8").await?;
    let mut stored = vec![secret.first.clone()];
    for number in 0..5 {
        let token = token();
        secret.put(&format!("{VALUE}{number}"), &token, &["AWSPENDING"]).await?;
        stored.push(token);
    }
    let all = target.secrets.list_secret_version_ids().secret_id(&secret.arn).include_deprecated(true);
    let mut versions = all.send().await?.versions.unwrap_or_default();
    // The order of the list must not help.
    versions.reverse();
    versions.sort_by_key(|version| version.created_date);
    let sorted: Vec<String> = versions.into_iter().filter_map(|version| version.version_id).collect();
    holds(sorted == stored, || {
        "versions sorted by CreatedDate are not in the order of their storage".to_owned()
    })?;
    confirmed()
}
