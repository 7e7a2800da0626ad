//! Who stored a value, or moved AWSCURRENT: a call of Secrets Manager that CloudTrail reports. The rule in `infra/template.yaml`
//! leaves out the calls of rotations.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html>

use contract::cut;
use serde_json::Value;

use super::{NAME_LIMIT, Received, time};
use crate::message::{Message, Stored};

const TYPE: &str = "AWS API Call via CloudTrail";
const AWSCURRENT: &str = "AWSCURRENT";
/// A role with the longest name, a path and a session name.
const PRINCIPAL_LIMIT: usize = 600;

/// A call that failed, or that moved another label, has stored nothing.
pub(super) fn read(received: Received<'_>, value: &Value) -> Option<Message> {
    if value["source"] != "aws.secretsmanager" || value["detail-type"] != TYPE {
        return None;
    }
    let detail = &value["detail"];
    if detail["errorCode"].is_string() {
        return None;
    }
    let asked = &detail["requestParameters"];
    let call = detail["eventName"].as_str()?;
    let version = match call {
        // The SDKs and the AWS CLI always send the token. It becomes the version's id.
        "PutSecretValue" | "UpdateSecret" => asked["clientRequestToken"].as_str()?,
        "UpdateSecretVersionStage" if asked["versionStage"] == AWSCURRENT => {
            asked["moveToVersionId"].as_str()?
        }
        _ => return None,
    };
    Some(Message::Stored(Stored {
        secret: cut(asked["secretId"].as_str()?, NAME_LIMIT),
        version: cut(version, NAME_LIMIT),
        by: cut(principal(&detail["userIdentity"])?, PRINCIPAL_LIMIT),
        call: call.to_owned(),
        at: time(&detail["eventTime"], received),
    }))
}

/// The caller. An AWS service has no ARN.
fn principal(identity: &Value) -> Option<&str> {
    ["arn", "invokedBy", "principalId"].into_iter().find_map(|field| identity[field].as_str())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::way::Way;

    fn event() -> Value {
        json!({
            "source": "aws.secretsmanager", "detail-type": TYPE, "id": "1",
            "detail": {
                "eventName": "PutSecretValue", "eventTime": "2026-11-25T03:00:00Z",
                "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/dev/ann"},
                "requestParameters": {"secretId": "rabbitmq/payment", "clientRequestToken": "v2"},
            },
        })
    }

    fn found(event: &Value) -> Option<Stored> {
        let sent_at = "2026-11-25T03:00:05Z".parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let received =
            Received { id: "1", sent_at, way: Way::Rule, deliverer: None, sender: None, waited: false };
        match read(received, event) {
            Some(Message::Stored(stored)) => Some(stored),
            _ => None,
        }
    }

    #[test]
    fn each_call_that_may_change_the_current_value_names_its_version_and_its_caller() {
        let stored = found(&event());
        let expected = |call: &str| {
            Some(Stored {
                secret: "rabbitmq/payment".to_owned(),
                version: "v2".to_owned(),
                by: "arn:aws:sts::123456789012:assumed-role/dev/ann".to_owned(),
                call: call.to_owned(),
                at: "2026-11-25T03:00:00Z".parse().unwrap_or_default(),
            })
        };
        assert_eq!(stored, expected("PutSecretValue"));
        let mut update = event();
        update["detail"]["eventName"] = json!("UpdateSecret");
        assert_eq!(found(&update), expected("UpdateSecret"));
        let mut moved = event();
        moved["detail"]["eventName"] = json!("UpdateSecretVersionStage");
        moved["detail"]["requestParameters"] =
            json!({"secretId": "rabbitmq/payment", "versionStage": "AWSCURRENT", "moveToVersionId": "v2"});
        assert_eq!(found(&moved), expected("UpdateSecretVersionStage"));
        moved["detail"]["requestParameters"]["versionStage"] = json!("AWSPENDING");
        assert_eq!(found(&moved), None);
    }

    #[test]
    fn a_call_that_failed_or_stores_nothing_is_none_and_a_service_is_named() {
        let with = |path: &str, value: Value| {
            let mut event = event();
            if let Some(place) = event.pointer_mut(path) {
                *place = value;
            }
            event
        };
        let mut failed = event();
        failed["detail"]["errorCode"] = json!("AccessDenied");
        for event in [
            failed,
            with("/source", json!("aws.s3")),
            with("/detail-type", json!("Secret Label Updated")),
            with("/detail/eventName", json!("TagResource")),
            // A description was changed.
            with("/detail/requestParameters", json!({"secretId": "rabbitmq/payment"})),
            with("/detail/userIdentity", json!({})),
        ] {
            assert_eq!(found(&event), None, "{event}");
        }
        let service =
            with("/detail/userIdentity", json!({"type": "AWSService", "invokedBy": "dms.amazonaws.com"}));
        assert_eq!(found(&service).map(|stored| stored.by).as_deref(), Some("dms.amazonaws.com"));
    }
}
