//! Rows H: options for what AWS does not publish.

use anyhow::{Context as _, Result};
use aws::{Retry, RotationOptions, Token};
use serde_json::json;

use crate::support::{Secret, eventually, fail, put, steps, token};

/// Succeeds from the second attempt on.
fn fails_once() -> serde_json::Value {
    let fail_once = json!({"do": "fail", "type": "Probe.Asked", "message": "once", "times": 1});
    json!({"createSecret": [put("second")], "setSecret": [fail_once], "finishSecret": [{"do": "promote"}]})
}

const FAILED: [&str; 2] = ["createSecret succeeded", "setSecret failed"];
const SUCCEEDED: [&str; 4] =
    ["createSecret succeeded", "setSecret succeeded", "testSecret succeeded", "finishSecret succeeded"];

#[tokio::test]
async fn a_failed_rotation_is_not_tried_again() -> Result<()> {
    let secret = Secret::new().await?;
    secret.options(RotationOptions { retry: Some(Retry::None), ..RotationOptions::default() }).await?;
    secret.script(&fails_once())?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(
        (rotation.outcome.as_str(), steps(&rotation)),
        ("failed", vec![FAILED.map(str::to_owned).to_vec()])
    );
    Ok(())
}

#[tokio::test]
async fn a_failed_rotation_is_tried_again_with_the_same_token() -> Result<()> {
    let secret = Secret::new().await?;
    secret.options(RotationOptions { retry: Some(Retry::SameToken), ..RotationOptions::default() }).await?;
    secret.script(&fails_once())?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(rotation.outcome, "succeeded");
    assert_eq!(steps(&rotation), [FAILED.to_vec(), SUCCEEDED.to_vec()]);
    assert!(rotation.attempts.iter().all(|attempt| attempt.version_id == rotation.version_id));
    Ok(())
}

#[tokio::test]
async fn a_failed_rotation_is_tried_again_with_a_new_token() -> Result<()> {
    let secret = Secret::new().await?;
    secret.options(RotationOptions { retry: Some(Retry::NewToken), ..RotationOptions::default() }).await?;
    secret.script(&fails_once())?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(steps(&rotation), [FAILED.to_vec(), SUCCEEDED.to_vec()]);
    let last = rotation.attempts.last().context("no attempt")?;
    assert_ne!(last.version_id, rotation.version_id);
    assert_eq!(secret.labels(&rotation.version_id).await?, [""; 0], "AWSPENDING moved to the new token");
    assert!(secret.labels(&last.version_id).await?.contains(&"AWSCURRENT".to_owned()));
    Ok(())
}

#[tokio::test]
async fn retries_end_after_their_number() -> Result<()> {
    let secret = Secret::new().await?;
    let options =
        RotationOptions { retry: Some(Retry::SameToken), retries: Some(3), ..RotationOptions::default() };
    secret.options(options).await?;
    secret.script(&json!({"createSecret": [fail()]}))?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!((rotation.outcome.as_str(), rotation.attempts.len()), ("failed", 4));
    Ok(())
}

#[tokio::test]
async fn a_step_is_invoked_twice_at_the_same_time() -> Result<()> {
    let secret = Secret::new().await?;
    let duplicate_steps = Some(vec!["setSecret".to_owned()]);
    secret.options(RotationOptions { duplicate_steps, ..RotationOptions::default() }).await?;
    let go = secret.shared.probe_folder.join(format!("go-{}", token()));
    secret.script(&json!({
        "createSecret": [put("second")],
        "setSecret": [{"do": "wait-for-file", "path": go}],
        "finishSecret": [{"do": "promote"}],
    }))?;
    let version = secret.rotate().await?;
    let both = eventually("both invocations", async || {
        let count = secret.events()?.iter().filter(|event| event["Step"] == "setSecret").count();
        Ok((count == 2).then_some(count))
    });
    both.await?;
    std::fs::write(go, "")?;
    let rotation = secret.wait(&version).await?;
    assert_eq!(rotation.outcome, "succeeded");
    assert!(steps(&rotation).concat().contains(&"setSecret succeeded duplicate".to_owned()), "{rotation:?}");
    Ok(())
}

#[tokio::test]
async fn a_step_of_an_attempt_that_was_given_up_runs_late() -> Result<()> {
    let secret = Secret::new().await?;
    let options =
        RotationOptions { retry: Some(Retry::NewToken), late_step: Some(true), ..RotationOptions::default() };
    secret.options(options).await?;
    secret.script(&fails_once())?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(rotation.outcome, "succeeded");
    let events = secret.events()?;
    let late = events.last().context("no event")?;
    assert_eq!(
        (&late["Step"], &late["ClientRequestToken"]),
        (&json!("setSecret"), &json!(rotation.version_id))
    );
    assert_eq!(events.len(), 2 + 4 + 1);
    Ok(())
}

#[tokio::test]
async fn a_rotation_stops_between_steps_and_is_resumed_with_either_token() -> Result<()> {
    for token in [Token::Same, Token::New] {
        let secret = Secret::new().await?;
        secret.script_success()?;
        secret.options(RotationOptions { steps: Some(2), ..RotationOptions::default() }).await?;
        let stopped = secret.rotate_and_wait().await?;
        assert_eq!((stopped.outcome.as_str(), secret.events()?.len()), ("interrupted", 2));

        secret.options(RotationOptions { steps: Some(4), ..RotationOptions::default() }).await?;
        secret.shared.aws.resume_rotation(&secret.arn, token).await?;
        let resumed = secret.wait(&stopped.version_id).await?;
        assert_eq!((resumed.outcome.as_str(), resumed.attempts.len()), ("succeeded", 2));
        let same = resumed.attempts.last().is_some_and(|attempt| attempt.version_id == stopped.version_id);
        assert_eq!(same, token == Token::Same);
    }
    Ok(())
}

#[tokio::test]
async fn any_step_can_be_invoked_again_with_any_token() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script_success()?;
    let rotation = secret.rotate_and_wait().await?;
    let step = secret.shared.aws.invoke_step(&secret.arn, &rotation.version_id, "setSecret").await?;
    assert_eq!((step.outcome.as_str(), step.kind.as_str()), ("succeeded", "late"));
    let wrong = secret.shared.aws.invoke_step(&secret.arn, &rotation.version_id, "noSuchStep").await;
    assert!(wrong.is_err());
    Ok(())
}
