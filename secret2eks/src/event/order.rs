//! The order to compare the whole cluster with all secrets, from the schedule or from a person.

use serde::Deserialize;
use serde_json::Value;

use super::{Event, EventError};

const ACTION: &str = "reconcile";
/// The texts in which people say who asks, and why. They go into the log.
const SAID: std::ops::RangeInclusive<usize> = 1..=512;

/// Compare the whole cluster with all secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// What a person allows this run to do. None for the schedule.
    pub allowed: Option<Allowed>,
}

/// A person allows a run to take back more objects than usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// How many.
    pub take_back_up_to: usize,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { take_back_up_to, by, reason } = self;
        write!(formatter, "{by} allows this run to take back up to {take_back_up_to} objects: {reason}")
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OrderEvent {
    action: String,
    take_back_up_to: Option<usize>,
    by: Option<String>,
    reason: Option<String>,
}

pub(super) fn parse(event: &Value) -> Result<Event, EventError> {
    let event = OrderEvent::deserialize(event).map_err(|_| EventError::UnknownShape)?;
    if event.action != ACTION {
        return Err(EventError::UnknownShape);
    }
    let allowed = match (event.take_back_up_to, event.by, event.reason) {
        (None, None, None) => None,
        (Some(take_back_up_to), Some(by), Some(reason)) if is_said(&by) && is_said(&reason) => {
            Some(Allowed { take_back_up_to, by, reason })
        }
        _ => return Err(EventError::Unexplained),
    };
    Ok(Event::Reconcile(Order { allowed }))
}

fn is_said(text: &str) -> bool {
    SAID.contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order_is_plain_or_names_a_number_a_person_and_a_reason() {
        assert_eq!(parse(&json!({"Action": "reconcile"})), Ok(Event::Reconcile(Order::default())));
        let full = json!({"Action": "reconcile", "TakeBackUpTo": 500, "By": "ada", "Reason": "acme leaves"});
        let allowed =
            Allowed { take_back_up_to: 500, by: "ada".to_owned(), reason: "acme leaves".to_owned() };
        assert_eq!(parse(&full), Ok(Event::Reconcile(Order { allowed: Some(allowed) })));
        for field in ["TakeBackUpTo", "By", "Reason"] {
            let mut less = full.clone();
            less[field] = Value::Null;
            assert_eq!(parse(&less), Err(EventError::Unexplained), "{field}");
        }
        for text in ["", "a\nb", &"x".repeat(513)] {
            let mut wrong = full.clone();
            wrong["Reason"] = json!(text);
            assert_eq!(parse(&wrong), Err(EventError::Unexplained), "{text}");
        }
    }

    #[test]
    fn other_actions_and_unknown_fields_are_refused() {
        for event in [
            json!({"Action": "revokePrevious"}),
            json!({"Action": "reconcile", "TakeBackUpTo": -1}),
            json!({"Action": "reconcile", "TakeBackUpTo": "5"}),
            json!({"Action": "reconcile", "SecretId": "x"}),
            json!({"Action": null}),
        ] {
            assert_eq!(parse(&event), Err(EventError::UnknownShape), "{event}");
        }
    }
}
