//! A rotation function that runs a script, for the tests of the emulator's contract.
//!
//! It appends each event to `events.jsonl` in the folder `PROBE_FOLDER`. Then it runs the script in that folder: for an
//! event of a secret `<name>.json` (with `/` as `_`), for a request of CloudFormation `<logical id>.json`, for other
//! events `<function>.json`. A script is an object from step (or `RequestType`, or `event`) to a list of actions.
//! Without a script, the function answers `{}` and makes no call. A benchmark uses it as the empty function, so the
//! function creates nothing before it needs it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let Some(folder) = std::env::var_os("PROBE_FOLDER").map(PathBuf::from) else {
        return Ok(json!({}));
    };
    play(&folder, &event.payload, &event.context.env_config.function_name).await
}

async fn play(folder: &Path, event: &Value, function: &str) -> Result<Value, Diagnostic> {
    let (step, subject) = (step_of(event), subject_of(event));
    let name = subject.rsplit(":secret:").next().filter(|name| !name.is_empty()).unwrap_or(function);
    let before = record(folder, function, event).map_err(|error| failure("Probe.Record", &error))?;
    let script = folder.join(format!("{}.json", name.replace('/', "_")));
    let Ok(script) = std::fs::read(script) else {
        return Ok(json!({}));
    };
    let script: Value = serde_json::from_slice(&script).map_err(|error| failure("Probe.Script", &error))?;
    for action in script.get(step).and_then(Value::as_array).into_iter().flatten() {
        let times = action.get("times").and_then(Value::as_u64).unwrap_or(u64::MAX);
        if before < times {
            act(action, event).await?;
        }
    }
    Ok(json!({}))
}

fn step_of(event: &Value) -> &str {
    ["Step", "RequestType"].iter().find_map(|key| event.get(*key)?.as_str()).unwrap_or("event")
}

/// The secret or the resource of the event; empty for other events.
fn subject_of(event: &Value) -> &str {
    ["SecretId", "LogicalResourceId"].iter().find_map(|key| event.get(*key)?.as_str()).unwrap_or_default()
}

/// Appends the event. Returns the number of earlier events of the same step and subject.
fn record(folder: &Path, function: &str, event: &Value) -> std::io::Result<u64> {
    let path = folder.join("events.jsonl");
    let is_same = |line: &&str| {
        serde_json::from_str::<Value>(line).is_ok_and(|entry| {
            let seen = entry.get("event").cloned().unwrap_or_default();
            entry.get("function").and_then(Value::as_str) == Some(function)
                && step_of(&seen) == step_of(event)
                && subject_of(&seen) == subject_of(event)
        })
    };
    let before = std::fs::read_to_string(&path).unwrap_or_default().lines().filter(is_same).count();
    #[expect(clippy::disallowed_methods, reason = "which variables a function gets is the subject of a test")]
    let variables: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    let line = format!("{}\n", json!({"function": function, "event": event, "variables": variables}));
    std::fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(line.as_bytes())?;
    Ok(before as u64)
}

async fn act(action: &Value, event: &Value) -> Result<(), Diagnostic> {
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (secret, token) = (text(event, "SecretId"), text(event, "ClientRequestToken"));
    match text(action, "do").as_str() {
        "print" => eprintln_line(&text(action, "text")),
        "put" => {
            let put = client().await.put_secret_value().secret_id(secret).client_request_token(token);
            let put =
                put.set_rotation_token(event.get("RotationToken").and_then(Value::as_str).map(str::to_owned));
            let put = put.version_stages("AWSPENDING").secret_string(text(action, "value"));
            put.send().await.map_err(|error| failure("Probe.Put", &error.into_service_error()))?;
        }
        "promote" => promote(&secret, &token).await?,
        "read" => {
            let read = client().await.get_secret_value().secret_id(text(action, "secret")).send();
            read.await.map_err(|error| failure("Probe.Read", &error.into_service_error()))?;
        }
        "answer" => answer(action, event).await.map_err(|error| failure("Probe.Answer", &error))?,
        "wait-for-file" => {
            while !Path::new(&text(action, "path")).exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        "fail" => {
            return Err(Diagnostic {
                error_type: text(action, "type"),
                error_message: text(action, "message"),
            });
        }
        // Like a crash: the Runtime API receives no answer.
        "exit" => std::process::abort(),
        other => {
            return Err(Diagnostic {
                error_type: "Probe.Script".into(),
                error_message: format!("do {other}?"),
            });
        }
    }
    Ok(())
}

async fn promote(secret: &str, token: &str) -> Result<(), Diagnostic> {
    let client = client().await;
    let description = client.describe_secret().secret_id(secret).send().await;
    let description = description.map_err(|error| failure("Probe.Describe", &error.into_service_error()))?;
    let versions = description.version_ids_to_stages.unwrap_or_default();
    let is_current = |(_, labels): &(&String, &Vec<String>)| labels.iter().any(|label| label == "AWSCURRENT");
    let current = versions.iter().find(is_current).map(|(version, _)| version.clone());
    let promote = client.update_secret_version_stage().secret_id(secret).version_stage("AWSCURRENT");
    let promote = promote.move_to_version_id(token).set_remove_from_version_id(current);
    promote.send().await.map_err(|error| failure("Probe.Promote", &error.into_service_error()))?;
    Ok(())
}

/// Uploads the answer to a request of CloudFormation: what must be copied from the request, and the action's `fields`.
/// With `content-type`, the upload has that header.
async fn answer(action: &Value, event: &Value) -> Result<(), String> {
    let mut answer = json!({"Status": "SUCCESS"});
    for key in ["StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId"] {
        answer[key] = event.get(key).cloned().unwrap_or_default();
    }
    for (key, value) in action.get("fields").and_then(Value::as_object).into_iter().flatten() {
        answer[key] = value.clone();
    }
    let url = event.get("ResponseURL").and_then(Value::as_str).ok_or("no ResponseURL")?;
    let tls = sandbox::certificates::client_without_roots().map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build();
    let upload = client.map_err(|error| error.to_string())?.put(url).body(answer.to_string());
    let upload = match action.get("content-type").and_then(Value::as_str) {
        Some(kind) => upload.header(reqwest::header::CONTENT_TYPE, kind),
        None => upload,
    };
    let answered = upload.send().await.map_err(|error| error.to_string())?;
    if answered.status().is_success() { Ok(()) } else { Err(answered.status().to_string()) }
}

async fn client() -> Client {
    Client::new(&aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await)
}

fn failure(kind: &str, error: &dyn std::fmt::Debug) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: format!("{error:?}") }
}

#[expect(clippy::print_stderr, reason = "what a function prints is the subject of a test")]
fn eprintln_line(text: &str) {
    eprintln!("{text}");
}
