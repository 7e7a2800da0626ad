//! The order to look at the cluster and to change nothing, from `secops doctor`.

use contract::ClusterLook;
use serde::Deserialize;
use serde_json::Value;

use super::{ARN_LIMIT, Event, EventError};

pub(super) const ACTION: &str = "look";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct LookEvent {
    action: String,
    #[serde(default)]
    secret_ids: Vec<String>,
}

pub(super) fn parse(event: &Value) -> Result<Event, EventError> {
    let event = LookEvent::deserialize(event).map_err(|_| EventError::UnknownShape)?;
    let is_id = |id: &String| (1..=ARN_LIMIT).contains(&id.len()) && !id.chars().any(char::is_control);
    let few = event.secret_ids.len() <= ClusterLook::SECRETS_LIMIT;
    if event.action != ACTION || !few || !event.secret_ids.iter().all(is_id) {
        return Err(EventError::UnknownShape);
    }
    Ok(Event::Look(event.secret_ids))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_look_names_a_few_secrets_or_none() {
        assert_eq!(parse(&json!({"Action": "look"})), Ok(Event::Look(Vec::new())));
        let some = json!({"Action": "look", "SecretIds": ["rabbitmq/payment"]});
        assert_eq!(parse(&some), Ok(Event::Look(vec!["rabbitmq/payment".to_owned()])));
        for event in [
            json!({"Action": "Look"}),
            json!({"Action": "look", "SecretIds": [""]}),
            json!({"Action": "look", "SecretIds": ["a\nb"]}),
            json!({"Action": "look", "SecretIds": ["x".repeat(ARN_LIMIT + 1)]}),
            json!({"Action": "look", "SecretIds": vec!["x"; ClusterLook::SECRETS_LIMIT + 1]}),
            json!({"Action": "look", "TakeBackUpTo": 1}),
        ] {
            assert_eq!(parse(&event), Err(EventError::UnknownShape), "{event}");
        }
    }
}
