//! The events of Secrets Manager about the run's own secrets, and the messages of the probe's queues.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::Value;

use crate::probe::Probe;
use crate::secret::Secret;
use crate::target::Target;

/// Where an event names its secret. Both forms were captured; AWS documents neither.
pub const FORMS: [&str; 2] = ["/detail/additionalEventData/SecretId", "/detail/serviceEventDetails/secretId"];
const BATCH: i32 = 10;
/// AWS recommends long polling. The pause between two questions is the row's.
const WAIT_SECONDS: i32 = 1;

impl Probe {
    /// The bodies of all messages that a queue has received during this run. The queue of Secrets Manager's events
    /// receives events about other secrets of the account, too: those are deleted, and never kept.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn messages(&self, queue: &str, only_with: Option<&str>) -> Result<Vec<Value>> {
        let url = self.output(queue)?;
        // One reader at a time: a message that another reader holds would be missed.
        let mut seen = self.seen.lock().await;
        // The first question of a turn may wait, on AWS. Then the queue is emptied.
        let mut wait = if self.is_local { 0 } else { WAIT_SECONDS };
        loop {
            let receive = self.queues.receive_message().queue_url(url).max_number_of_messages(BATCH);
            let received = receive.wait_time_seconds(wait).send().await?;
            for message in received.messages() {
                let body = message.body().context("a message without a body")?;
                if only_with.is_none_or(|text| body.contains(text)) {
                    seen.push((queue.to_owned(), serde_json::from_str(body)?));
                }
                let handle = message.receipt_handle().context("a message without a handle")?;
                self.queues.delete_message().queue_url(url).receipt_handle(handle).send().await?;
            }
            if received.messages().is_empty() {
                break;
            }
            wait = 0;
        }
        Ok(seen.iter().filter(|(of, _)| of == queue).map(|(_, body)| body.clone()).collect())
    }

    /// Puts an event with this source on the default bus.
    ///
    /// # Errors
    /// When EventBridge refuses it.
    pub async fn put_event(&self, source: &str, detail: &Value) -> Result<()> {
        let entry =
            PutEventsRequestEntry::builder().source(source).detail_type("asked").detail(detail.to_string());
        self.bus.put_events().entries(entry.build()).send().await?;
        Ok(())
    }
}

impl Target {
    /// All events of Secrets Manager about secrets of this run.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn service_events(&self) -> Result<Vec<Value>> {
        self.probe()?.messages("ServiceEventsUrl", Some(&self.run.prefix())).await
    }

    /// Waits for a message of a queue.
    ///
    /// # Errors
    /// When it does not arrive in time.
    pub async fn message(&self, queue: &str, is_wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.eventually(queue, async || {
            Ok(self.probe()?.messages(queue, None).await?.into_iter().find(|body| is_wanted(body)))
        })
        .await
    }
}

impl Secret<'_> {
    /// The names of the service events about this secret, and `Secret Label Updated LABEL VERSION`.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn told(&self) -> Result<Vec<String>> {
        let events = self.target.service_events().await?;
        Ok(events.iter().filter_map(|event| name_of(event, &self.arn)).collect())
    }

    /// Waits for all of these events.
    ///
    /// # Errors
    /// When one is missing in time. The error names those that came.
    pub async fn must_tell(&self, expected: &[String]) -> Result<()> {
        let limit = self.target.pace.event_limit;
        let what = format!("the events {expected:?}");
        self.target
            .within(limit, &what, async || {
                let told = self.told().await?;
                Ok(expected.iter().all(|name| told.contains(name)).then_some(()))
            })
            .await
    }
}

/// Whether and how an event is about a secret.
#[must_use]
pub fn name_of(event: &Value, arn: &str) -> Option<String> {
    let text = |at: &str| event.pointer(at).and_then(Value::as_str);
    if FORMS.iter().any(|form| text(form) == Some(arn)) {
        return text("/detail/eventName").map(str::to_owned);
    }
    let is_label = text("/detail-type") == Some("Secret Label Updated") && text("/resources/0") == Some(arn);
    is_label.then(|| {
        let part = |at: &str| text(at).unwrap_or("?");
        format!("{} {} {}", part("/detail-type"), part("/detail/labelUpdated"), part("/detail/versionId"))
    })
}

/// The fixtures of dlq-handler that are events of Secrets Manager.
///
/// # Errors
/// When the folder cannot be read.
pub fn fixtures(workspace: &Path) -> Result<Vec<(String, Value)>> {
    let folder = workspace.join("dlq-handler/tests/fixtures");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("cloudtrail-rotation") || name.starts_with("cloudtrail-test-rotation") {
            found.push((name, serde_json::from_slice(&std::fs::read(entry.path())?)?));
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(found)
}

/// Compares the shapes of captured events with the fixtures of the same name: what a fixture has and no captured event
/// of that name has, one line each.
#[must_use]
pub fn differences(captured: &[Value], fixtures: &[(String, Value)]) -> BTreeMap<String, Vec<String>> {
    let name = |event: &Value| event.pointer("/detail/eventName").and_then(Value::as_str).map(str::to_owned);
    let mut found = BTreeMap::new();
    for (file, fixture) in fixtures {
        let same: Vec<&Value> = captured.iter().filter(|event| name(event) == name(fixture)).collect();
        if same.is_empty() {
            continue;
        }
        let wanted = shape(fixture);
        let missing = |event: &&Value| -> Vec<String> { wanted.difference(&shape(event)).cloned().collect() };
        // The nearest event: not every failure has an error message.
        let nearest = same.iter().map(missing).min_by_key(Vec::len).unwrap_or_default();
        found.insert(file.clone(), nearest);
    }
    found
}

/// The paths of an event with the types of their values. No value is in it. The two forms that name a secret are one path.
#[must_use]
pub fn shape(event: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk("", event, &mut found);
    found
}

fn walk(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(fields) => {
            for (key, value) in fields {
                walk(&format!("{path}/{key}"), value, found);
            }
            return;
        }
    };
    let path = if FORMS.contains(&path) { "/detail/SECRET" } else { path };
    found.insert(format!("{path} {kind}"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_about_a_secret_in_either_form() {
        let arn = "arn:aws:secretsmanager:eu-central-1:1:secret:x-AbCdEf";
        let one =
            json!({"detail": {"eventName": "RotationFailed", "additionalEventData": {"SecretId": arn}}});
        let two =
            json!({"detail": {"eventName": "RotationFailed", "serviceEventDetails": {"secretId": arn}}});
        let label = json!({"detail-type": "Secret Label Updated", "resources": [arn],
            "detail": {"labelUpdated": "AWSCURRENT", "versionId": "v"}});
        assert_eq!(name_of(&one, arn).as_deref(), Some("RotationFailed"));
        assert_eq!(name_of(&two, arn).as_deref(), Some("RotationFailed"));
        assert_eq!(name_of(&label, arn).as_deref(), Some("Secret Label Updated AWSCURRENT v"));
        assert_eq!(name_of(&one, "another"), None);
    }

    #[test]
    fn a_field_that_aws_no_longer_sends_is_found() -> Result<()> {
        let fixtures = fixtures(&sandbox::workspace())?;
        assert!(fixtures.len() >= 5, "{fixtures:?}");
        let captured: Vec<Value> = fixtures.iter().map(|(_, event)| event.clone()).collect();
        assert!(differences(&captured, &fixtures).values().all(Vec::is_empty));

        let without: Vec<Value> = captured
            .into_iter()
            .map(|mut event| {
                event.as_object_mut().map(|fields| fields.remove("account"));
                event
            })
            .collect();
        let found = differences(&without, &fixtures);
        assert!(found.values().all(|missing| missing == &["/account text"]), "{found:?}");
        assert!(differences(&[], &fixtures).is_empty(), "what was not captured is not judged");
        Ok(())
    }
}
