//! The requests to secret2eks after a rotation, and what happens when a request fails.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud, programs};
use serde_json::{Value, json};
use testbed::aws::Artifact;
use testbed::cloud::{App, Cloud, Variant, tag, workspace};
use testbed::schema::valid;

use crate::support::converged;

/// Takes the place of secret2eks and records the requests.
struct Recorder {
    folder: PathBuf,
    rotation: Variant,
}

impl Recorder {
    async fn deploy(cloud: &Cloud, prefix: &str) -> Result<Self> {
        let name = name(prefix);
        let folder = cloud.folder().join(&name);
        std::fs::create_dir_all(&folder)?;
        let program = programs()?.join("probe-function");
        let parameters = [("ProbeFolder", folder.to_str().context("no text")?)];
        let artifact = Artifact::new("probe-function", program);
        let template = workspace().join("tests/recorder.yaml");
        let stack =
            cloud.aws.deploy(&format!("{name}-recorder"), &template, &parameters, &[artifact]).await?;
        let secret2eks = [("Secret2EksFunctionArn", stack.output("Arn")?)];
        Ok(Self { folder, rotation: cloud.deploy_variant(&name, &secret2eks, &[]).await? })
    }

    /// Waits for `count` requests. Returns all requests so far.
    async fn requests(&self, count: usize) -> Result<Vec<Value>> {
        let started = Instant::now();
        loop {
            let requests = recorded(&self.folder)?;
            if requests.len() >= count {
                return Ok(requests);
            }
            ensure!(started.elapsed() < Duration::from_secs(30), "{count} requests expected: {requests:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn recorded(folder: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(folder.join("events.jsonl")).unwrap_or_default();
    let event = |line: &str| Ok(serde_json::from_str::<Value>(line)?["event"].clone());
    text.lines().map(event).collect()
}

async fn run(cloud: &Cloud, function: &Variant, app: &App, version: &str, steps: &[&str]) -> Result<()> {
    for step in steps {
        let event = json!({"Step": step, "SecretId": app.arn, "ClientRequestToken": version});
        cloud
            .invoke_function(&function.function, &event)
            .await?
            .value()
            .with_context(|| (*step).to_owned())?;
    }
    Ok(())
}

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

#[test]
fn a_finished_rotation_asks_for_delivery_and_a_repeated_finish_asks_again() -> Result<()> {
    on_the_cloud(async |cloud| {
        let recorder = Recorder::deploy(cloud, "asked").await?;
        let app = cloud.create_app(&name("asked")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        run(cloud, &recorder.rotation, &app, &version, &STEPS).await?;
        let first = recorder.requests(1).await?.first().cloned().context("no request")?;
        ensure!(first["secretArn"] == app.arn.as_str() && first["versionId"] == version.as_str(), "{first}");
        ensure!(first["attempt"] == 1 && first["promotedAt"].is_string(), "{first}");
        run(cloud, &recorder.rotation, &app, &version, &["finishSecret"]).await?;
        let requests = recorder.requests(2).await?;
        for request in &requests {
            valid("delivery-request", request)?;
        }
        ensure!(requests.last().is_some_and(|again| again["promotedAt"].is_null()), "{requests:?}");
        Ok(())
    })
}

#[test]
fn a_refusal_for_a_missing_receipt_asks_for_delivery_of_the_current_version() -> Result<()> {
    on_the_cloud(async |cloud| {
        let recorder = Recorder::deploy(cloud, "refused").await?;
        let app = cloud.create_app(&name("refused")).await?;
        let current = cloud.rotate_successfully(&app.arn).await?;
        let route = tag("secret2eks/namespace", "shop");
        cloud.secrets.tag_resource().secret_id(&app.arn).tags(route).send().await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        run(cloud, &recorder.rotation, &app, &version, &["createSecret"]).await?;
        let refused = run(cloud, &recorder.rotation, &app, &version, &["setSecret"]).await;
        ensure!(refused.is_err_and(|error| format!("{error:#}").contains("delivery.undelivered")));
        let request = recorder.requests(1).await?.first().cloned().context("no request")?;
        ensure!(request["versionId"] == current.as_str(), "{request}");
        Ok(())
    })
}

#[test]
fn a_delivery_that_failed_is_requested_again_twice_and_then_left_to_people() -> Result<()> {
    on_the_cloud(async |cloud| {
        let recorder = Recorder::deploy(cloud, "again").await?;
        let stack = &recorder.rotation.stack;
        let alerts = cloud.alerts_of(&recorder.rotation).await?;
        let queue = cloud.queue_of(&recorder.rotation, "DeadLetterQueueUrl").await?;
        let handler = stack.output("HandlerFunctionName")?;
        cloud.add_variables(handler, &[("REDELIVERY_DELAY_SECONDS", "1")]).await?;
        let secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq/again-AbCdEf";
        // The records name the function that this stack invokes.
        let recording = cloud.lambda.get_function_configuration().function_name(handler).send().await?;
        let variables =
            recording.environment.and_then(|environment| environment.variables).unwrap_or_default();
        let deliverer = variables.get("SECRET2EKS_FUNCTION").context("nobody is asked")?;
        let failed = |kind: &str, request: &Value| {
            let id = format!("{kind} {}", request["attempt"]);
            let context = json!({
                "requestId": id, "condition": "RetriesExhausted",
                "functionArn": format!("{deliverer}:$LATEST"),
            });
            let answer = json!({"errorType": kind, "errorMessage": "it was not confirmed"});
            json!({"version": "1.0", "timestamp": "2026-11-25T08:00:00Z", "requestContext": context,
                   "requestPayload": request, "responsePayload": answer})
            .to_string()
        };
        let version = "0123456789abcdef0123456789abcdef";
        let mut request = json!({"secretArn": secret, "versionId": version, "attempt": 1});
        for attempt in [2, 3] {
            let body = failed("delivery.not_synced", &request);
            // SQS may deliver the same record twice. This causes at most one more request.
            queue.send(std::slice::from_ref(&body)).await?;
            let requests = recorder.requests(attempt - 1).await?;
            request = requests.last().cloned().context("no request")?;
            ensure!(request["attempt"] == attempt, "{requests:?}");
            valid("delivery-request", &request)?;
            queue.send(&[body]).await?;
        }
        queue.send(&[failed("delivery.not_synced", &request)]).await?;
        // A request that would fail again is not repeated.
        let other = secret.replace("again", "useless");
        let useless = json!({"secretArn": other, "versionId": version, "attempt": 1});
        queue.send(&[failed("delivery.tags_invalid", &useless)]).await?;
        let told = alerts.wait_for(&other, 1).await?;
        ensure!(format!("{told:?}").contains("will fail again until you fix the cause"), "{told:?}");
        let told = alerts.wait_for(secret, 1).await?;
        ensure!(told.len() == 1 && format!("{told:?}").contains("attempt 2 of 3"), "{told:?}");
        ensure!(recorder.requests(2).await?.len() == 2);
        Ok(())
    })
}

#[test]
fn a_failed_request_does_not_undo_the_rotation_and_is_reported_by_a_notice() -> Result<()> {
    on_the_cloud(async |cloud| {
        let nobody = "arn:aws:lambda:us-east-1:000000000000:function:nobody";
        let variant =
            cloud.deploy_variant(&name("unasked"), &[("Secret2EksFunctionArn", nobody)], &[]).await?;
        let app = cloud.create_app(&name("unasked")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        run(cloud, &variant, &app, &version, &STEPS).await?;
        converged(cloud, &app.user, &app.arn, &version).await?;
        let notice = variant.notices.wait_for(&app.arn, 1).await?.first().cloned().context("no notice")?;
        ensure!(notice["kind"] == "delivery.request_failed", "{notice}");
        valid("failure-notice", &notice)
    })
}
