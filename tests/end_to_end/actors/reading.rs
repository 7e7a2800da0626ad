//! The texts of an alert that people read.

use serde_json::Value;

/// All texts of an alert in a chat, one below the other.
pub fn shown(alert: &Value) -> String {
    let mut texts = Vec::new();
    collect(&alert["content"], &mut texts);
    collect(&alert["metadata"]["summary"], &mut texts);
    texts.join("\n")
}

/// The commands of an alert: the texts between backticks.
pub fn commands(alert: &Value) -> Vec<String> {
    let shown = shown(alert);
    shown.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}
