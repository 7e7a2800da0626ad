//! Metrics in CloudWatch's embedded metric format: a log line that CloudWatch Logs turns into a metric.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write as _;
use std::sync::OnceLock;

use serde_json::{Value, json};

const DEFAULT_NAMESPACE: &str = "SecretRotation";

static NAMESPACE: OnceLock<String> = OnceLock::new();

/// What a metric counts or measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Events.
    Count,
    /// Time.
    Milliseconds,
}

/// Sets the namespace of all metrics (`METRIC_NAMESPACE`). Call it before the first metric. In one namespace, the metrics
/// of two stacks of a region would add up.
pub fn init_metrics(namespace: Option<String>) {
    if let Some(namespace) = namespace.filter(|name| !name.is_empty()) {
        let _ = NAMESPACE.set(namespace);
    }
}

/// Prints one value of one metric. `dimensions` distinguish series, so they must have few values (a kind or a step, never
/// a secret's ARN). `properties` are in the same line, to search for.
///
/// A metric that cannot be printed is lost. Nothing depends on it.
pub fn metric(
    timestamp_ms: i64,
    name: &str,
    unit: Unit,
    value: u64,
    dimensions: &[(&str, &str)],
    properties: &[(&str, &str)],
) {
    let namespace = NAMESPACE.get().map_or(DEFAULT_NAMESPACE, String::as_str);
    let line = line(namespace, timestamp_ms, name, unit, value, dimensions, properties);
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn line(
    namespace: &str,
    timestamp_ms: i64,
    name: &str,
    unit: Unit,
    value: u64,
    dimensions: &[(&str, &str)],
    properties: &[(&str, &str)],
) -> Value {
    let unit = match unit {
        Unit::Count => "Count",
        Unit::Milliseconds => "Milliseconds",
    };
    let keys: Vec<&str> = dimensions.iter().map(|(key, _)| *key).collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": timestamp_ms,
            "CloudWatchMetrics": [{
                "Namespace": namespace,
                "Dimensions": [keys],
                "Metrics": [{"Name": name, "Unit": unit}],
            }],
        },
    });
    for (key, text) in dimensions.iter().chain(properties) {
        line[*key] = json!(text);
    }
    line[name] = json!(value);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_metric_its_dimensions_and_its_value() {
        let line = line(
            "SecretRotation/eu",
            1_700_000_000_000,
            "DeliveryTime",
            Unit::Milliseconds,
            840,
            &[("Mode", "apply")],
            &[("secretArn", "arn:x")],
        );
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Namespace"], "SecretRotation/eu");
        assert_eq!(metrics["Dimensions"], json!([["Mode"]]));
        assert_eq!(metrics["Metrics"], json!([{"Name": "DeliveryTime", "Unit": "Milliseconds"}]));
        assert_eq!((&line["Mode"], &line["DeliveryTime"]), (&json!("apply"), &json!(840)));
        assert_eq!(line["secretArn"], "arn:x");
    }

    #[test]
    fn foreign_text_in_a_property_makes_neither_a_line_nor_a_metric_of_its_own()
    -> Result<(), serde_json::Error> {
        let hostile =
            "x\n{\"_aws\":{\"CloudWatchMetrics\":[]},\"Failures\":0}\u{1b}[2J\", \"Failures\": 0, \"";
        let line =
            line("x", 0, "Failures", Unit::Count, 1, &[("Kind", "secret.invalid")], &[("subject", hostile)]);
        let printed = line.to_string();
        assert!(!printed.contains(char::is_control), "{printed}");
        let read: Value = serde_json::from_str(&printed)?;
        assert_eq!((&read["Failures"], &read["subject"]), (&json!(1), &json!(hostile)));
        assert_eq!(read["_aws"]["CloudWatchMetrics"].as_array().map(Vec::len), Some(1));
        Ok(())
    }
}
