//! Rows R10 to R14: what Secrets Manager tells of a secret.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::events::FORMS;
use crate::secret::{SECOND, THIRD, fail, token};
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, contradiction, holds, observed, undecided};

/// The events of a rotation.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r10(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r10").await?;
    secret.script_success().await?;
    let version = secret.rotate_successfully().await?;
    let label = format!("Secret Label Updated AWSCURRENT {version}");
    secret.must_tell(&["RotationStarted".into(), "RotationSucceeded".into(), label]).await?;

    let failing = target.secret("r10-failing").await?;
    failing.script(&json!({"createSecret": [fail()]})).await?;
    failing.rotate_in_vain().await?;
    failing.must_tell(&["RotationFailed".into()]).await?;
    failing.put(THIRD, &token(), &["AWSCURRENT"]).await?;
    failing.must_tell(&["RotationAbandoned".into()]).await?;
    let failed = failing.told().await?.iter().filter(|name| *name == "RotationFailed").count();
    observed(format!("{failed} RotationFailed for one failed attempt"))
}

/// The form of an event of a failure.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r12(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r12").await?;
    secret.script(&json!({"createSecret": [fail()]})).await?;
    secret.rotate_in_vain().await?;
    secret.must_tell(&["RotationFailed".into()]).await?;
    let events = target.service_events().await?;
    let form = |event: &Value| {
        FORMS.into_iter().find(|form| event.pointer(form).and_then(Value::as_str) == Some(&secret.arn))
    };
    let is_failure = |event: &&Value| {
        event.pointer("/detail/eventName") == Some(&json!("RotationFailed")) && form(event).is_some()
    };
    let event = events.iter().find(is_failure).context("the event is gone")?;
    let text = |at: &str| event.pointer(at).and_then(Value::as_str);
    let kind = text("/detail-type");
    holds(kind == Some("AWS Service Event via CloudTrail"), || format!("detail-type is {kind:?}"))?;
    let function = target.probe()?.output("ProbeArn")?;
    let Some(message) = text("/detail/errorMessage") else {
        return Err(contradiction("RotationFailed has no errorMessage"));
    };
    let says_all = message.contains(function) && message.contains("createSecret");
    holds(says_all, || format!("errorMessage has not both the function and the step: {}", shorten(message)))?;
    observed(format!("the secret is in {}", form(event).unwrap_or_default()))
}

/// Whether the first value is an event.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r13(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r13").await?;
    let second = secret.put(SECOND, &token(), &["AWSCURRENT"]).await?;
    // An event of the first value would be older than this one.
    secret.must_tell(&[format!("Secret Label Updated AWSCURRENT {second}")]).await?;
    tokio::time::sleep(target.pace.quiet).await;
    let first = format!("Secret Label Updated AWSCURRENT {}", secret.first);
    let is_told = secret.told().await?.contains(&first);
    observed(if is_told { "the first value is an event" } else { "the first value is no event" })
}

/// Calls as events, where a trail logs them.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r14(target: &Target) -> Result<Verdict> {
    if !target.has_trail {
        return undecided("no trail logs management events in this region");
    }
    let secret = target.secret("r14").await?;
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key("team").value("shop").build();
    target.secrets.tag_resource().secret_id(&secret.arn).tags(tag).send().await?;
    target.secrets.untag_resource().secret_id(&secret.arn).tag_keys("team").send().await?;
    target.secrets.delete_secret().secret_id(&secret.arn).send().await?;
    target.secrets.restore_secret().secret_id(&secret.arn).send().await?;
    let calls = ["CreateSecret", "TagResource", "UntagResource", "DeleteSecret", "RestoreSecret"];
    let is_about = |event: &Value, call: &str| {
        let is_call = event.pointer("/detail/eventName") == Some(&json!(call));
        let text = event.to_string();
        is_call && (text.contains(&secret.arn) || text.contains(&secret.name))
    };
    let events = target
        .within(target.pace.event_limit, "the events of five calls", async || {
            let events = target.service_events().await?;
            let are_all = calls.iter().all(|call| events.iter().any(|event| is_about(event, call)));
            Ok(are_all.then_some(events))
        })
        .await?;
    for event in &events {
        let kept = event.to_string().contains(crate::secret::VALUE);
        holds(!kept, || "an event has the value of a secret".to_owned())?;
    }
    confirmed()
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}
