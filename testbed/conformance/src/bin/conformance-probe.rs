//! The scripted rotation function of a conformance run. It answers what AWS does not publish.
//!
//! It records each event in the table `PROBE_TABLE`: the step, the token, whether there is a `RotationToken`, the time, and
//! what `DescribeSecret` and `GetSecretValue` return at that moment. It never records a value. Then it runs the script of
//! the secret (or of the function, for other events): an object from step to a list of actions. The event `{"Read": ARN}`
//! reads a secret with the function's role and returns whether that was allowed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use conformance::probe::{AT, DOCUMENT, FAILS, Invocation, SCRIPT, SUBJECT, script_of};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

const POLL: Duration = Duration::from_millis(200);

/// The clients, made once.
struct Probe {
    table: String,
    dynamodb: aws_sdk_dynamodb::Client,
    secrets: aws_sdk_secretsmanager::Client,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let table = std::env::var_os("PROBE_TABLE").unwrap_or_default().to_string_lossy().into_owned();
    // It lives as long as the process.
    let probe: &'static Probe = Box::leak(Box::new(Probe {
        table,
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        secrets: aws_sdk_secretsmanager::Client::new(&config),
    }));
    lambda_runtime::run(service_fn(
        move |event: LambdaEvent<Value>| async move { probe.handle(&event).await },
    ))
    .await
}

impl Probe {
    async fn handle(&self, event: &LambdaEvent<Value>) -> Result<Value, Diagnostic> {
        if let Some(arn) = event.payload.get("Read").and_then(Value::as_str) {
            return Ok(json!({"read": self.read(arn).await}));
        }
        let function = &event.context.env_config.function_name;
        let subject = text(&event.payload, "SecretId").unwrap_or_else(|| function.clone());
        let mut seen = self.look(&event.payload).await;
        let key = format!("{:014} {}", seen.at_ms, event.context.request_id);
        let before = self.count(&subject, &seen.step).await?;
        self.record(&subject, &key, &seen).await?;
        let played = self.play(&subject, &event.payload, &seen.step, before).await;
        (seen.outcome, seen.error) = match &played {
            Ok(Played::Exit) => ("exited".to_owned(), String::new()),
            Ok(Played::Answer) => ("answered".to_owned(), String::new()),
            Err(error) => ("failed".to_owned(), format!("{}: {}", error.error_type, error.error_message)),
        };
        self.record(&subject, &key, &seen).await?;
        match played? {
            // Like a crash: the Runtime API receives no answer.
            Played::Exit => std::process::abort(),
            Played::Answer => Ok(json!({})),
        }
    }

    /// What can be seen at the start of an invocation.
    async fn look(&self, event: &Value) -> Invocation {
        #[expect(
            clippy::disallowed_methods,
            reason = "which variables a function gets is the subject of a row"
        )]
        let variables = std::env::vars().map(|(name, _)| name).collect();
        let mut seen = Invocation {
            step: text(event, "Step").unwrap_or_else(|| "event".to_owned()),
            fields: event.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default(),
            at_ms: now_ms(),
            outcome: "started".to_owned(),
            variables,
            ..Invocation::default()
        };
        let (Some(secret), Some(token)) = (text(event, "SecretId"), text(event, "ClientRequestToken")) else {
            seen.payload = event.clone();
            return seen;
        };
        seen.rotation_token = text(event, "RotationToken").map(|token| token.len());
        let read = || self.secrets.get_secret_value().secret_id(&secret);
        let (described, by_version, by_label) = (
            self.secrets.describe_secret().secret_id(&secret).send().await,
            read().version_id(&token).send().await,
            read().version_stage("AWSPENDING").send().await,
        );
        seen.by_version = by_version.map_or_else(|error| code(&error), |_| "value".to_owned());
        seen.by_label = by_label.map_or_else(|error| code(&error), |_| "value".to_owned());
        if let Ok(described) = described {
            seen.rotation_enabled = described.rotation_enabled;
            seen.labels = described.version_ids_to_stages.unwrap_or_default().into_iter().collect();
        }
        (seen.secret, seen.token) = (secret, token);
        seen
    }

    async fn play(
        &self,
        subject: &str,
        event: &Value,
        step: &str,
        before: usize,
    ) -> Result<Played, Diagnostic> {
        if event.get("Step").is_none() && event.to_string().contains(FAILS) {
            return Err(failure("Probe.Asked", "as the event says".to_owned()));
        }
        let script = self.script(subject).await?;
        for action in script.get(step).and_then(Value::as_array).into_iter().flatten() {
            let times = action.get("times").and_then(Value::as_u64).unwrap_or(u64::MAX);
            if before as u64 >= times {
                continue;
            }
            match text(action, "do").unwrap_or_default().as_str() {
                "put" => self.put(event, &text(action, "value").unwrap_or_default()).await?,
                "promote" => self.promote(event).await?,
                "wait" => self.wait(subject).await?,
                "exit" => return Ok(Played::Exit),
                "fail" => {
                    let (kind, message) = (text(action, "type"), text(action, "message"));
                    return Err(failure(&kind.unwrap_or_default(), message.unwrap_or_default()));
                }
                other => return Err(failure("Probe.Script", format!("do {other}?"))),
            }
        }
        Ok(Played::Answer)
    }

    async fn put(&self, event: &Value, value: &str) -> Result<(), Diagnostic> {
        let put = self.secrets.put_secret_value().set_secret_id(text(event, "SecretId"));
        let put = put.set_client_request_token(text(event, "ClientRequestToken"));
        let put = put.set_rotation_token(text(event, "RotationToken")).version_stages("AWSPENDING");
        let put = put.secret_string(value).send().await;
        put.map(drop).map_err(|error| failure("Probe.Put", code(&error)))
    }

    async fn promote(&self, event: &Value) -> Result<(), Diagnostic> {
        let (secret, token) = (text(event, "SecretId"), text(event, "ClientRequestToken"));
        let described = self.secrets.describe_secret().set_secret_id(secret.clone()).send().await;
        let described = described.map_err(|error| failure("Probe.Describe", code(&error)))?;
        let versions = described.version_ids_to_stages.unwrap_or_default();
        let is_current = |labels: &Vec<String>| labels.iter().any(|label| label == "AWSCURRENT");
        let current = versions.into_iter().find(|(_, labels)| is_current(labels)).map(|(version, _)| version);
        let promote = self.secrets.update_secret_version_stage().set_secret_id(secret);
        let promote = promote.version_stage("AWSCURRENT").set_move_to_version_id(token);
        let promote = promote.set_remove_from_version_id(current).send().await;
        promote.map(drop).map_err(|error| failure("Probe.Promote", code(&error)))
    }

    /// Lambda's timeout ends it, if nobody does.
    async fn wait(&self, subject: &str) -> Result<(), Diagnostic> {
        while self.script(subject).await?.get("released").is_none() {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn read(&self, arn: &str) -> String {
        match self.secrets.get_secret_value().secret_id(arn).send().await {
            Ok(_) => "value".to_owned(),
            Err(error) => format!("{} {}", code(&error), error.message().unwrap_or_default()),
        }
    }

    async fn script(&self, subject: &str) -> Result<Value, Diagnostic> {
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        let get =
            get.key(SUBJECT, AttributeValue::S(script_of(subject))).key(AT, AttributeValue::S(SCRIPT.into()));
        let got = get.send().await.map_err(|error| failure("Probe.Table", code(&error)))?;
        let document = got.item().and_then(|item| item.get(DOCUMENT)?.as_s().ok());
        let Some(document) = document else { return Ok(json!({})) };
        serde_json::from_str(document).map_err(|error| failure("Probe.Script", error.to_string()))
    }

    /// The number of earlier invocations of the same step.
    async fn count(&self, subject: &str, step: &str) -> Result<usize, Diagnostic> {
        let query = self.dynamodb.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("#s = :s").expression_attribute_names("#s", SUBJECT);
        let query = query.expression_attribute_values(":s", AttributeValue::S(subject.to_owned()));
        let found = query.send().await.map_err(|error| failure("Probe.Table", code(&error)))?;
        let is_same = |document: &str| {
            serde_json::from_str::<Invocation>(document).is_ok_and(|earlier| earlier.step == step)
        };
        let documents = found.items().iter().filter_map(|item| item.get(DOCUMENT)?.as_s().ok());
        Ok(documents.filter(|document| is_same(document)).count())
    }

    async fn record(&self, subject: &str, key: &str, seen: &Invocation) -> Result<(), Diagnostic> {
        let document =
            serde_json::to_string(seen).map_err(|error| failure("Probe.Record", error.to_string()))?;
        let put = self.dynamodb.put_item().table_name(&self.table);
        let put = put.item(SUBJECT, AttributeValue::S(subject.to_owned()));
        let put = put.item(AT, AttributeValue::S(key.to_owned())).item(DOCUMENT, AttributeValue::S(document));
        put.send().await.map(drop).map_err(|error| failure("Probe.Table", code(&error)))
    }
}

/// How a script ended.
enum Played {
    Answer,
    Exit,
}

fn text(of: &Value, key: &str) -> Option<String> {
    of.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// The code alone: an error of the SDK may hold a part of an answer.
fn code(error: &impl ProvideErrorMetadata) -> String {
    error.code().unwrap_or("no answer").to_owned()
}

fn failure(kind: &str, message: String) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: message }
}

#[expect(clippy::disallowed_methods, reason = "the time of an invocation is what the probe records")]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}
