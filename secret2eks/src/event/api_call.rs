//! CloudTrail's events for calls of Secrets Manager. They need a trail, and are sent on a best-effort basis.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html>

use contract::Tags;
use serde::Deserialize;
use serde_json::Value;

use super::{ARN_LIMIT, Event, EventError, Life, NATIVE_SOURCE, arn};

pub(super) const TYPE: &str = "AWS API Call via CloudTrail";
/// The tags by which secret2eks decides. Its own receipt is not one of them.
const ROUTING: [&str; 7] =
    [Tags::CLUSTER, Tags::NAMESPACE, Tags::NAME, Tags::STORE, Tags::KEYS, Tags::MODE, Tags::TENANT];
/// The keys of the secret's ARN in an answer. Before February 2024, some operations had the second one.
const ARN_KEYS: [&str; 2] = ["arn", "aRN"];

#[derive(Debug, Deserialize)]
struct ApiCall {
    source: String,
    detail: Detail,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event_name: String,
    #[serde(default)]
    request_parameters: Value,
    #[serde(default)]
    response_elements: Value,
    error_code: Option<String>,
}

pub(super) fn parse(event: &Value) -> Result<Event, EventError> {
    let ApiCall { source, detail } = ApiCall::deserialize(event).map_err(|_| EventError::UnknownShape)?;
    if source != NATIVE_SOURCE {
        return Err(EventError::UnknownShape);
    }
    let may_leave_copies = match detail.event_name.as_str() {
        "CreateSecret" | "RestoreSecret" => false,
        "DeleteSecret" => true,
        "TagResource" | "UntagResource" if !changes_a_route(&detail.request_parameters) => {
            return Ok(Event::Nothing("no tag was changed that secret2eks reads"));
        }
        "TagResource" | "UntagResource" => true,
        _ => return Err(EventError::UnknownShape),
    };
    if detail.error_code.is_some() {
        return Ok(Event::Nothing("Secrets Manager refused the call"));
    }
    let parameter = |name: &str| detail.request_parameters[name].as_str();
    let answered = ARN_KEYS.iter().find_map(|key| detail.response_elements[*key].as_str());
    let asked = parameter("secretId").or_else(|| parameter("name"));
    let arn = [answered, asked].into_iter().flatten().find_map(|text| arn(text).ok());
    let secret = arn.clone().or_else(|| asked.map(str::to_owned));
    let secret = secret.filter(|secret| (1..=ARN_LIMIT).contains(&secret.len()));
    Ok(Event::Life(Life { secret: secret.ok_or(EventError::NoSecret)?, arn, may_leave_copies }))
}

fn changes_a_route(parameters: &Value) -> bool {
    let list = |name: &str| parameters[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let set = list("tags").iter().map(|tag| &tag["key"]);
    set.chain(list("tagKeys")).filter_map(Value::as_str).any(|key| ROUTING.contains(&key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";

    fn call(name: &str, asked: &Value, answered: &Value) -> Value {
        json!({
            "version": "0", "source": "aws.secretsmanager", "detail-type": TYPE, "resources": [],
            "detail": {
                "eventSource": "secretsmanager.amazonaws.com", "eventName": name,
                "requestParameters": asked, "responseElements": answered,
            },
        })
    }

    fn life(secret: &str, arn: Option<&str>, may_leave_copies: bool) -> Result<Event, EventError> {
        let (secret, arn) = (secret.to_owned(), arn.map(str::to_owned));
        Ok(Event::Life(Life { secret, arn, may_leave_copies }))
    }

    #[test]
    fn a_call_names_its_secret_by_name_or_arn_and_the_arn_of_the_answer_comes_first() {
        let set = |id: &str| json!({"secretId": id, "tags": [{"key": "secret2eks/name", "value": "x"}]});
        let taken = json!({"secretId": ARN, "tagKeys": ["team", "tenant"]});
        for (event, expected) in [
            (
                call("CreateSecret", &json!({"name": "rabbitmq/payment"}), &json!({"arn": ARN})),
                life(ARN, Some(ARN), false),
            ),
            (
                call("CreateSecret", &json!({"name": "rabbitmq/payment"}), &Value::Null),
                life("rabbitmq/payment", None, false),
            ),
            (call("RestoreSecret", &json!({"secretId": ARN}), &Value::Null), life(ARN, Some(ARN), false)),
            (
                call("DeleteSecret", &json!({"secretId": "rabbitmq/payment"}), &json!({"aRN": ARN})),
                life(ARN, Some(ARN), true),
            ),
            (
                call("TagResource", &set("rabbitmq/payment"), &Value::Null),
                life("rabbitmq/payment", None, true),
            ),
            (call("TagResource", &set(ARN), &Value::Null), life(ARN, Some(ARN), true)),
            (call("UntagResource", &taken, &Value::Null), life(ARN, Some(ARN), true)),
        ] {
            assert_eq!(parse(&event), expected, "{event}");
        }
    }

    #[test]
    fn other_tags_and_calls_that_were_refused_change_nothing() {
        let receipt = json!({"secretId": ARN, "tags": [{"key": "secret2eks/delivered", "value": "v"}]});
        for event in [
            call("TagResource", &receipt, &Value::Null),
            call("UntagResource", &json!({"secretId": ARN, "tagKeys": ["team"]}), &Value::Null),
        ] {
            assert_eq!(parse(&event), Ok(Event::Nothing("no tag was changed that secret2eks reads")));
        }
        let mut refused = call("DeleteSecret", &json!({"secretId": ARN}), &Value::Null);
        refused["detail"]["errorCode"] = json!("AccessDenied");
        assert_eq!(parse(&refused), Ok(Event::Nothing("Secrets Manager refused the call")));
    }

    #[test]
    fn other_calls_and_calls_without_a_secret_are_refused() {
        let mut foreign = call("DeleteSecret", &json!({"secretId": ARN}), &Value::Null);
        foreign["source"] = json!("aws.s3");
        for (event, expected) in [
            (call("PutSecretValue", &json!({"secretId": ARN}), &Value::Null), EventError::UnknownShape),
            (foreign, EventError::UnknownShape),
            (json!({"source": "aws.secretsmanager", "detail-type": TYPE}), EventError::UnknownShape),
            (call("DeleteSecret", &Value::Null, &Value::Null), EventError::NoSecret),
            (call("DeleteSecret", &json!({"secretId": ""}), &Value::Null), EventError::NoSecret),
            (
                call("DeleteSecret", &json!({"secretId": "x".repeat(ARN_LIMIT + 1)}), &Value::Null),
                EventError::NoSecret,
            ),
        ] {
            assert_eq!(parse(&event), Err(expected), "{event}");
        }
    }
}
