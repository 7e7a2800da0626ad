//! The deployed probe: its script and its record are items of a table, its events are messages of a queue.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// The key of the table, and the attribute with the JSON text.
pub const SUBJECT: &str = "subject";
/// The sort key of the table.
pub const AT: &str = "at";
/// The JSON text of an item.
pub const DOCUMENT: &str = "document";
/// An event that is no rotation's fails if it contains this text.
pub const FAILS: &str = "conf-fail";
/// The sort key of a script.
pub const SCRIPT: &str = "script";

/// One invocation of the rotation function, as the probe recorded it. It holds no value.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Invocation {
    /// `createSecret` and so on; `event` for other events.
    pub step: String,
    /// The secret that the event names.
    pub secret: String,
    /// The `ClientRequestToken`.
    pub token: String,
    /// Whether the event has a `RotationToken`, and its length.
    pub rotation_token: Option<usize>,
    /// The names of the event's fields.
    pub fields: Vec<String>,
    /// The start, in milliseconds since 1970.
    pub at_ms: i64,
    /// `started`, `answered`, `failed` or `exited`.
    pub outcome: String,
    /// The error of a call that failed.
    pub error: String,
    /// What `DescribeSecret` returned at the start: version to labels.
    pub labels: BTreeMap<String, Vec<String>>,
    /// `RotationEnabled` at the start.
    pub rotation_enabled: Option<bool>,
    /// `value`, or the error code, of `GetSecretValue` by the token at the start.
    pub by_version: String,
    /// The same by AWSPENDING.
    pub by_label: String,
    /// The names of the function's variables.
    pub variables: Vec<String>,
    /// The payload of an event that is no rotation's.
    pub payload: Value,
}

impl Invocation {
    /// Whether the function has answered or failed.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.outcome != "started"
    }
}

/// The clients for the deployed stack.
#[derive(Debug)]
pub struct Probe {
    outputs: BTreeMap<String, String>,
    table: aws_sdk_dynamodb::Client,
    lambda: aws_sdk_lambda::Client,
    pub(crate) queues: aws_sdk_sqs::Client,
    pub(crate) bus: aws_sdk_eventbridge::Client,
    pub(crate) seen: Mutex<Vec<(String, Value)>>,
    pub(crate) is_local: bool,
}

impl Probe {
    /// The probe of a stack with these outputs.
    #[must_use]
    pub fn new(config: &SdkConfig, outputs: BTreeMap<String, String>) -> Self {
        Self {
            outputs,
            table: aws_sdk_dynamodb::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            queues: aws_sdk_sqs::Client::new(config),
            bus: aws_sdk_eventbridge::Client::new(config),
            seen: Mutex::new(Vec::new()),
            is_local: config.endpoint_url().is_some(),
        }
    }

    /// An output of the stack.
    ///
    /// # Errors
    /// When the stack has none of that name.
    pub fn output(&self, name: &str) -> Result<&str> {
        self.outputs
            .get(name)
            .map(String::as_str)
            .with_context(|| format!("the probe's stack has no output {name}"))
    }

    /// Sets the script of a secret (ARN) or of a function (name).
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn script(&self, subject: &str, script: &Value) -> Result<()> {
        let put = self.table.put_item().table_name(self.output("TableName")?);
        let put = put.item(SUBJECT, text(&script_of(subject))).item(AT, text(SCRIPT));
        put.item(DOCUMENT, text(&script.to_string())).send().await?;
        Ok(())
    }

    /// Lets the action `wait` of a script go on.
    ///
    /// # Errors
    /// When the script cannot be stored.
    pub async fn release(&self, subject: &str, script: &Value) -> Result<()> {
        let mut released = script.clone();
        if let Some(fields) = released.as_object_mut() {
            fields.insert("released".into(), json!(true));
        }
        self.script(subject, &released).await
    }

    /// What the probe recorded of a secret or a function, in the order of the invocations.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn invocations(&self, subject: &str) -> Result<Vec<Invocation>> {
        let query = self.table.query().table_name(self.output("TableName")?).consistent_read(true);
        let query = query
            .key_condition_expression("#subject = :subject")
            .expression_attribute_names("#subject", SUBJECT);
        let answer = query.expression_attribute_values(":subject", text(subject)).send().await?;
        let read = |item: &std::collections::HashMap<String, AttributeValue>| -> Result<Invocation> {
            let document =
                item.get(DOCUMENT).and_then(|value| value.as_s().ok()).context("an item without document")?;
            Ok(serde_json::from_str(document)?)
        };
        answer.items().iter().map(read).collect()
    }

    /// Makes the probe read a secret with its own role. Returns `value`, or the code and the text of the refusal.
    ///
    /// # Errors
    /// When the function cannot be invoked.
    pub async fn read(&self, arn: &str) -> Result<String> {
        let payload = Blob::new(json!({"Read": arn}).to_string());
        let answer =
            self.lambda.invoke().function_name(self.output("ProbeArn")?).payload(payload).send().await?;
        let answer: Value = serde_json::from_slice(answer.payload().context("no answer")?.as_ref())?;
        answer.get("read").and_then(Value::as_str).map(str::to_owned).context("the probe did not read")
    }

    /// Sends an event to the function with destinations, asynchronously.
    ///
    /// # Errors
    /// When Lambda refuses it.
    pub async fn send(&self, event: &Value) -> Result<()> {
        let invoke = self.lambda.invoke().function_name(self.output("AsynchronousName")?);
        let invoke = invoke.invocation_type(InvocationType::Event).payload(Blob::new(event.to_string()));
        invoke.send().await?;
        Ok(())
    }
}

/// The key of a script.
#[must_use]
pub fn script_of(subject: &str) -> String {
    format!("script {subject}")
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
