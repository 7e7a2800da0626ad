//! Rows V: values and versions.

use anyhow::Result;
use aws_sdk_secretsmanager::Client;
use serde_json::json;

use crate::support::{Secret, assert_refused, put, shared, token, unique};

#[tokio::test]
async fn a_secret_is_created_with_the_token_as_version_or_without_any_version() -> Result<()> {
    let client = Client::new(&shared().await?.aws.sdk_config().await);
    let (name, token) = (unique("contract"), token());
    let create = || client.create_secret().name(&name).secret_string("first").client_request_token(&token);
    assert_eq!(create().send().await?.version_id, Some(token.clone()));
    assert_eq!(create().send().await?.version_id, Some(token.clone()), "the same again is no error");
    assert_refused(create().secret_string("other").send().await, "ResourceExistsException")?;

    let empty = client.create_secret().name(unique("contract")).send().await?;
    assert_eq!(empty.version_id, None);
    let arn = empty.arn.unwrap_or_default();
    assert_refused(client.get_secret_value().secret_id(&arn).send().await, "ResourceNotFoundException")?;
    let first = client
        .put_secret_value()
        .secret_id(&arn)
        .secret_string("x")
        .version_stages("AWSPENDING")
        .send()
        .await?;
    assert!(first.version_stages().contains(&"AWSCURRENT".to_owned()), "the first version becomes current");
    Ok(())
}

#[tokio::test]
async fn the_same_value_under_the_same_token_changes_nothing() -> Result<()> {
    let secret = Secret::new().await?;
    let token = token();
    secret.put("second", &token, &["AWSPENDING"]).await?;
    assert_eq!(secret.put("second", &token, &["AWSCURRENT"]).await?, token);
    assert_eq!(secret.labels(&token).await?, ["AWSPENDING"], "the repeated request is ignored");
    assert_eq!(secret.value().await?, "first");
    Ok(())
}

#[tokio::test]
async fn another_value_under_the_same_token_is_refused() -> Result<()> {
    let secret = Secret::new().await?;
    let token = token();
    secret.put("second", &token, &["AWSPENDING"]).await?;
    let again = secret.client.put_secret_value().secret_id(&secret.arn).client_request_token(&token);
    assert_refused(again.secret_string("third").send().await, "ResourceExistsException")?;
    let pending =
        secret.client.get_secret_value().secret_id(&secret.arn).version_stage("AWSPENDING").send().await?;
    assert_eq!(pending.secret_string.as_deref(), Some("second"));
    Ok(())
}

#[tokio::test]
async fn a_put_without_labels_moves_current_and_previous() -> Result<()> {
    let secret = Secret::new().await?;
    let put = secret.client.put_secret_value().secret_id(&secret.arn).secret_string("second").send().await?;
    assert_eq!(put.version_stages(), ["AWSCURRENT"]);
    assert_eq!(secret.labels(&secret.first).await?, ["AWSPREVIOUS"]);
    assert_eq!(secret.value().await?, "second");
    Ok(())
}

#[tokio::test]
async fn a_put_as_pending_leaves_current_alone() -> Result<()> {
    let secret = Secret::new().await?;
    let (one, two) = (token(), token());
    secret.put("second", &one, &["AWSPENDING"]).await?;
    secret.put("third", &two, &["AWSPENDING"]).await?;
    assert_eq!(secret.labels(&secret.first).await?, ["AWSCURRENT"]);
    assert_eq!(secret.labels(&one).await?, [""; 0], "a label is on one version at a time");
    assert_eq!(secret.labels(&two).await?, ["AWSPENDING"]);
    Ok(())
}

#[tokio::test]
async fn a_version_is_not_read_under_a_label_that_it_does_not_carry() -> Result<()> {
    let secret = Secret::new().await?;
    let token = token();
    secret.put("second", &token, &["AWSPENDING"]).await?;
    let read = || secret.client.get_secret_value().secret_id(&secret.arn);
    assert_refused(
        read().version_id(&token).version_stage("AWSCURRENT").send().await,
        "InvalidRequestException",
    )?;
    let both = read().version_id(&token).version_stage("AWSPENDING").send().await?;
    assert_eq!(both.secret_string.as_deref(), Some("second"));
    assert_refused(
        read().version_id("11111111-1111-4111-8111-111111111111").send().await,
        "ResourceNotFoundException",
    )?;
    Ok(())
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
    let secret = Secret::new().await?;
    let mut stored = vec![secret.first.clone()];
    for number in 0..5 {
        let token = token();
        secret.put(&number.to_string(), &token, &["AWSPENDING"]).await?;
        stored.push(token);
    }
    let all = secret.client.list_secret_version_ids().secret_id(&secret.arn).include_deprecated(true);
    let mut versions = all.send().await?.versions.unwrap_or_default();
    versions.reverse();
    versions.sort_by_key(|version| version.created_date);
    let sorted: Vec<_> = versions.into_iter().filter_map(|version| version.version_id).collect();
    assert_eq!(sorted, stored);
    Ok(())
}
