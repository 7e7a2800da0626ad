//! Rows R and T: a rotation, and a rotation that only tests.

use anyhow::{Context as _, Result, bail};
use aws::{EventForm, RotationOptions};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde_json::{Value, json};

use crate::labels::take_pending_off;
use crate::support::{LIMIT, Secret, assert_refused, eventually, fail, put, shared, steps, token, unique};

#[tokio::test]
async fn the_four_steps_are_invoked_in_order_with_arn_and_token() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script_success()?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(rotation.outcome, "succeeded");
    let expected: Vec<Value> = ["createSecret", "setSecret", "testSecret", "finishSecret"]
        .map(|step| json!({"Step": step, "SecretId": secret.arn, "ClientRequestToken": rotation.version_id}))
        .into();
    assert_eq!(secret.events()?, expected);
    assert_eq!(secret.value().await?, "second");
    assert_eq!(secret.labels(&secret.first).await?, ["AWSPREVIOUS"]);
    Ok(())
}

#[tokio::test]
async fn before_the_first_step_pending_is_on_a_version_without_value() -> Result<()> {
    let secret = Secret::new().await?;
    secret.options(RotationOptions { steps: Some(0), ..RotationOptions::default() }).await?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(rotation.outcome, "interrupted");
    assert_eq!(secret.labels(&rotation.version_id).await?, ["AWSPENDING"]);
    let read = || secret.client.get_secret_value().secret_id(&secret.arn);
    assert_refused(read().version_id(&rotation.version_id).send().await, "ResourceNotFoundException")?;
    assert_refused(read().version_stage("AWSPENDING").send().await, "ResourceNotFoundException")?;
    assert_eq!(secret.value().await?, "first");
    Ok(())
}

#[tokio::test]
async fn a_failed_step_is_not_repeated_by_lambda_and_leaves_pending() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script(&json!({"createSecret": [put("second")], "setSecret": [fail()]}))?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(rotation.outcome, "failed");
    assert_eq!(steps(&rotation), [["createSecret succeeded", "setSecret failed"]]);
    let failed = rotation.attempts.first().and_then(|attempt| attempt.steps.last()).context("no step")?;
    assert_eq!(failed.error_type.as_deref(), Some("Probe.Asked"));
    assert_eq!(failed.error_message.as_deref(), Some("as the script says"));
    assert_eq!(secret.labels(&rotation.version_id).await?, ["AWSPENDING"]);
    assert_eq!(secret.value().await?, "first");
    assert_eq!(secret.events()?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_function_that_exits_fails_its_step() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script(&json!({"createSecret": [{"do": "exit"}]}))?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(steps(&rotation), [["createSecret failed"]]);
    let step = rotation.attempts.first().and_then(|attempt| attempt.steps.first()).context("no step")?;
    assert_eq!(step.error_type.as_deref(), Some("Runtime.ExitError"));
    Ok(())
}

#[tokio::test]
async fn a_rotation_that_did_not_promote_has_failed() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script(&json!({"createSecret": [put("second")]}))?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(rotation.outcome, "failed", "all four steps answered, but AWSCURRENT did not move");
    Ok(())
}

#[tokio::test]
async fn rotate_secret_is_refused_while_pending_is_attached_to_another_version() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script(
        &json!({"createSecret": [put("second"), {"do": "fail", "type": "x", "message": "x", "times": 1}]}),
    )?;
    let failed = secret.rotate_and_wait().await?;
    let rotate = || secret.client.rotate_secret().secret_id(&secret.arn);
    let message = assert_refused(rotate().send().await, "InvalidRequestException")?;
    assert!(message.contains("previous rotation isn't complete"), "{message}");

    take_pending_off(&secret, &failed.version_id).await?;
    let version = rotate().send().await?.version_id.context("no version")?;
    secret.wait(&version).await?;
    Ok(())
}

#[tokio::test]
async fn rotate_secret_starts_again_while_pending_is_still_on_current() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script_success()?;
    let first = secret.rotate_and_wait().await?;
    assert_eq!(secret.labels(&first.version_id).await?, ["AWSCURRENT", "AWSPENDING"]);
    let second = secret.rotate_and_wait().await?;
    assert_eq!(second.outcome, "succeeded");
    assert_eq!(secret.labels(&first.version_id).await?, ["AWSPREVIOUS"]);
    Ok(())
}

#[tokio::test]
async fn the_token_of_the_caller_becomes_the_version_and_does_not_rotate_twice() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script_success()?;
    let token = token();
    let rotate = async || {
        let function = secret.shared.stack.output("ProbeArn")?;
        let rotate = secret.client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
        let version = rotate.client_request_token(&token).send().await?.version_id;
        version.context("no version")
    };
    assert_eq!(rotate().await?, token);
    secret.wait(&token).await?;
    assert_eq!(rotate().await?, token);
    assert_eq!(secret.events()?.len(), 4, "the same request again is answered and does nothing");
    Ok(())
}

#[tokio::test]
async fn the_rotation_token_reaches_the_function_and_is_taken_with_the_value() -> Result<()> {
    let secret = Secret::new().await?;
    secret.options(RotationOptions { rotation_token: Some(true), ..RotationOptions::default() }).await?;
    secret.script_success()?;
    assert_eq!(secret.rotate_and_wait().await?.outcome, "succeeded");
    for event in secret.events()? {
        let token = event.get("RotationToken").and_then(Value::as_str).context("no token")?;
        assert!((36..=256).contains(&token.len()));
    }
    let put =
        secret.client.put_secret_value().secret_id(&secret.arn).secret_string("x").rotation_token("short");
    assert_refused(put.send().await, "InvalidParameterException")?;
    Ok(())
}

#[tokio::test]
async fn a_rotation_is_reported_on_the_default_event_bus() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script_success()?;
    let rotation = secret.rotate_and_wait().await?;
    let label = json!({"labelUpdated": "AWSCURRENT", "versionId": rotation.version_id});
    let mut seen = told(&secret, 3).await?;
    seen.sort_by_key(Value::to_string);
    assert_eq!(seen, [json!("RotationStarted"), json!("RotationSucceeded"), label]);

    let failing = Secret::new().await?;
    failing.script(&json!({"createSecret": [fail()]}))?;
    failing.rotate_and_wait().await?;
    failing.put("by hand", &token(), &["AWSCURRENT"]).await?;
    let names = told(&failing, 4).await?;
    for name in ["RotationStarted", "RotationFailed", "RotationAbandoned"] {
        assert!(names.contains(&json!(name)), "{name} in {names:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_event_names_its_secret_in_either_form_and_says_which_step_failed() -> Result<()> {
    let (one, other) = (EventForm::AdditionalEventData, EventForm::ServiceEventDetails);
    for (form, place, elsewhere) in [(one, FORMS[0], FORMS[1]), (other, FORMS[1], FORMS[0])] {
        let secret = Secret::new().await?;
        secret.options(RotationOptions { event_form: Some(form), ..RotationOptions::default() }).await?;
        secret.script(&json!({"createSecret": [fail()]}))?;
        secret.rotate_and_wait().await?;
        let events = eventually("events of Secrets Manager", async || {
            let found = crate::asynchronous::bodies(secret.shared, "ServiceEventsUrl").await?;
            let of_secret = |event: &Value| event.pointer(place) == Some(&json!(secret.arn));
            let found: Vec<Value> = found.into_iter().filter(of_secret).collect();
            Ok((found.len() >= 2).then_some(found))
        })
        .await?;
        assert!(events.iter().all(|event| event.pointer(elsewhere).is_none()), "{events:?}");
        let messages: Vec<&str> =
            events.iter().filter_map(|event| event.pointer("/detail/errorMessage")?.as_str()).collect();
        let function = secret.shared.stack.output("ProbeArn")?;
        assert_eq!(messages, [format!("Error when executing lambda {function} during createSecret step")]);
    }
    Ok(())
}

#[tokio::test]
async fn the_first_value_of_a_new_secret_is_an_event_or_none() -> Result<()> {
    let shared = shared().await?;
    let client = Client::new(&shared.aws.sdk_config().await);
    let [silent, told] = ["silent", "told"].map(unique);
    let options = RotationOptions { created_event: Some(true), ..RotationOptions::default() };
    shared.aws.set_rotation_options(Some(&told), &options).await?;
    let mut secrets = Vec::new();
    for name in [&silent, &told] {
        secrets.push(client.create_secret().name(name).secret_string("first").send().await?);
    }
    let [silent, told] = secrets.as_slice() else { bail!("not two secrets") };
    let events = async |arn: Option<&str>| -> Result<Vec<Value>> {
        let found = crate::asynchronous::bodies(shared, "ServiceEventsUrl").await?;
        Ok(found.iter().filter_map(|event| about(event, arn?)).collect())
    };
    let expected = json!({"labelUpdated": "AWSCURRENT", "versionId": told.version_id()});
    eventually("the event", async || {
        let seen = events(told.arn()).await?;
        Ok((seen == [expected.clone()]).then_some(()))
    })
    .await?;
    assert_eq!(events(silent.arn()).await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn the_calls_that_change_a_secret_are_events_if_there_is_a_trail() -> Result<()> {
    let shared = shared().await?;
    let client = Client::new(&shared.aws.sdk_config().await);
    let name = unique("traced");
    let options = RotationOptions { api_events: Some(true), ..RotationOptions::default() };
    shared.aws.set_rotation_options(Some(&name), &options).await?;
    let arn = client.create_secret().name(&name).secret_string("hidden").send().await?.arn;
    let arn = arn.context("no ARN")?;
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key("team").value("shop").build();
    client.tag_resource().secret_id(&name).tags(tag).send().await?;
    client.untag_resource().secret_id(&arn).tag_keys("team").send().await?;
    let put = client.put_secret_value().secret_id(&name).secret_string("hidden too").send().await?;
    let stored = put.version_id.context("no version")?;
    let move_back = client.update_secret_version_stage().secret_id(&arn).version_stage("AWSCURRENT");
    let before =
        client.describe_secret().secret_id(&arn).send().await?.version_ids_to_stages.unwrap_or_default();
    let before = before.into_keys().find(|version| *version != stored).context("no version before")?;
    move_back.remove_from_version_id(&stored).move_to_version_id(&before).send().await?;
    client.delete_secret().secret_id(&arn).send().await?;
    client.restore_secret().secret_id(&arn).send().await?;
    let is_about = |event: &Value| {
        let text = event.to_string();
        let is_call = event.pointer("/detail-type") == Some(&json!("AWS API Call via CloudTrail"));
        is_call && (text.contains(&arn) || text.contains(&name))
    };
    let events = eventually("the events", async || {
        let found = crate::asynchronous::bodies(shared, "ServiceEventsUrl").await?;
        let found: Vec<Value> = found.into_iter().filter(is_about).collect();
        Ok((found.len() >= 7).then_some(found))
    })
    .await?;
    assert!(events.iter().all(|event| !event.to_string().contains("hidden")), "a value: {events:?}");
    for (call, path, expected) in [
        ("CreateSecret", "/detail/responseElements/arn", json!(arn)),
        ("CreateSecret", "/detail/requestParameters/name", json!(name)),
        ("TagResource", "/detail/requestParameters/secretId", json!(name)),
        ("TagResource", "/detail/requestParameters/tags/0/key", json!("team")),
        ("UntagResource", "/detail/requestParameters/tagKeys/0", json!("team")),
        ("DeleteSecret", "/detail/responseElements/arn", json!(arn)),
        ("RestoreSecret", "/detail/requestParameters/secretId", json!(arn)),
        ("PutSecretValue", "/detail/requestParameters/clientRequestToken", json!(stored)),
        ("PutSecretValue", "/detail/userIdentity/type", json!("Root")),
        ("UpdateSecretVersionStage", "/detail/requestParameters/moveToVersionId", json!(before)),
        ("UpdateSecretVersionStage", "/detail/requestParameters/versionStage", json!("AWSCURRENT")),
    ] {
        let is_call = |event: &&Value| event.pointer("/detail/eventName") == Some(&json!(call));
        let event = events.iter().find(is_call).with_context(|| format!("no {call}"))?;
        assert_eq!(event.pointer(path), Some(&expected), "{call} {path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_test_runs_test_secret_alone_on_a_version_that_is_removed() -> Result<()> {
    let secret = Secret::new().await?;
    let labels_while_testing = secret.shared.probe_folder.join(format!("go-{}", token()));
    secret.script(&json!({"testSecret": [{"do": "wait-for-file", "path": labels_while_testing}]}))?;
    test(&secret).await?;
    let event = eventually("the test", async || Ok(secret.events()?.into_iter().next())).await?;
    assert_eq!(event.get("Step"), Some(&json!("testSecret")));
    let version = event.get("ClientRequestToken").and_then(Value::as_str).context("no token")?;
    assert_eq!(secret.labels(version).await?, ["AWSPENDING"]);
    let read = secret.client.get_secret_value().secret_id(&secret.arn).version_id(version);
    assert_refused(read.send().await, "ResourceNotFoundException")?;

    std::fs::write(labels_while_testing, "")?;
    let rotation = secret.shared.aws.wait_for_rotation(&secret.arn, None, LIMIT).await?;
    assert!(rotation.test_only && rotation.outcome == "succeeded", "{rotation:?}");
    assert_eq!(secret.events()?.len(), 1);
    let list = secret.client.list_secret_version_ids().secret_id(&secret.arn).include_deprecated(true);
    let versions = list.send().await?.versions.unwrap_or_default();
    assert_eq!(versions.len(), 1, "the version of the test is gone");
    let description = secret.client.describe_secret().secret_id(&secret.arn).send().await?;
    assert_eq!(description.rotation_enabled, Some(true));
    Ok(())
}

#[tokio::test]
async fn a_failed_test_is_reported_and_changes_no_label() -> Result<()> {
    let secret = Secret::new().await?;
    secret
        .options(RotationOptions { enabled_during_test: Some(false), ..RotationOptions::default() })
        .await?;
    secret.script(&json!({"testSecret": [fail()]}))?;
    test(&secret).await?;
    let rotation = secret.shared.aws.wait_for_rotation(&secret.arn, None, LIMIT).await?;
    assert_eq!(rotation.outcome, "failed");
    assert_eq!(secret.labels(&secret.first).await?, ["AWSCURRENT"]);
    assert!(told(&secret, 2).await?.contains(&json!("TestRotationFailed")));
    Ok(())
}

#[tokio::test]
async fn functions_see_nothing_of_the_emulators_environment() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script_success()?;
    secret.rotate_and_wait().await?;
    let entry = secret.entries()?.into_iter().next().context("no invocation")?;
    let variables: Vec<String> = serde_json::from_value(entry.get("variables").cloned().unwrap_or_default())?;
    assert!(variables.contains(&"AWS_SESSION_TOKEN".to_owned()), "the role's credentials: {variables:?}");
    for name in ["TESTBED_CANARY", "GATEWAY_PORT", "PYTHONPATH", "AUTH", "HOME"] {
        assert!(!variables.contains(&name.to_owned()), "{name} in {variables:?}");
    }
    Ok(())
}

async fn test(secret: &Secret) -> Result<()> {
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    let function = secret.shared.stack.output("ProbeArn")?;
    let rotate = secret.client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
    rotate.rotation_rules(rules).rotate_immediately(false).send().await?;
    Ok(())
}

/// Waits for this number of events about the secret on the event bus. Returns the name of each service event, or the
/// detail of each label event without the secret's name.
async fn told(secret: &Secret, count: usize) -> Result<Vec<Value>> {
    let shared = shared().await?;
    eventually("events of Secrets Manager", async || {
        let found = crate::asynchronous::bodies(shared, "ServiceEventsUrl").await?;
        let found: Vec<Value> = found.iter().filter_map(|event| about(event, &secret.arn)).collect();
        Ok((found.len() >= count).then_some(found))
    })
    .await
}

const FORMS: [&str; 2] = ["/detail/additionalEventData/SecretId", "/detail/serviceEventDetails/secretId"];

fn about(event: &Value, arn: &str) -> Option<Value> {
    if FORMS.iter().any(|form| event.pointer(form).and_then(Value::as_str) == Some(arn)) {
        assert_eq!(event.pointer("/detail-type"), Some(&json!("AWS Service Event via CloudTrail")));
        assert_eq!(event.pointer("/detail/requestParameters"), Some(&Value::Null));
        return event.pointer("/detail/eventName").cloned();
    }
    (event.pointer("/resources/0").and_then(Value::as_str) == Some(arn)).then(|| {
        assert_eq!(event.pointer("/detail-type"), Some(&json!("Secret Label Updated")));
        let mut detail = event.get("detail").cloned().unwrap_or_default();
        detail.as_object_mut().map(|fields| fields.remove("name"));
        detail
    })
}
