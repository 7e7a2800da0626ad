//! Calls of Secrets Manager and KMS in CloudTrail, as EventBridge delivers them: who read a value, and who changed what
//! protects it.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html>
//! <https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html>

use contract::{Kind, Tags, cut};
use serde_json::Value;

use super::{NAME_LIMIT, Received, name, time};
use crate::access::{Access, Call, Origin, Principal};
use crate::message::Message;

/// `BatchGetSecretValue` accepts as many.
const TARGETS_LIMIT: usize = 20;
/// The names of operations, addresses and endpoints are shorter.
const WORD_LIMIT: usize = 100;
/// CloudTrail's codes of a call that AWS denied. The documentation and captured events differ.
const DENIALS: [&str; 2] = ["AccessDenied", "AccessDeniedException"];

pub(super) fn read(received: Received<'_>, value: &Value) -> Option<Message> {
    if value["detail-type"] != "AWS API Call via CloudTrail" {
        return None;
    }
    let detail = &value["detail"];
    let operation = cut(detail["eventName"].as_str()?, WORD_LIMIT);
    let error = detail["errorCode"].as_str();
    let is_denied = error.is_some_and(|code| DENIALS.contains(&code));
    let (call, targets) = match value["source"].as_str()? {
        "aws.secretsmanager" => (of_a_secret(&operation, &detail["requestParameters"]), secrets(detail)),
        "aws.kms" => (of_a_key(&operation), keys(detail)),
        _ => return None,
    };
    // Another error has no effect. An operation without an effect counts only if it was denied.
    let call = match call {
        Some(call) if error.is_none() || is_denied => call,
        None if is_denied && detail["readOnly"] == false => Call::Other,
        _ => return None,
    };
    if targets.is_empty() {
        return None;
    }
    let id = detail["eventID"].as_str().or(value["id"].as_str()).unwrap_or(received.id);
    Some(Message::Access(Box::new(Access {
        id: name(id),
        at: time(&detail["eventTime"], received),
        operation,
        call,
        targets,
        who: Principal::read(&detail["userIdentity"]),
        from: origin(detail),
        is_denied,
    })))
}

fn of_a_secret(operation: &str, parameters: &Value) -> Option<Call> {
    let text = |field: &str| parameters[field].as_str();
    match operation {
        "GetSecretValue" | "BatchGetSecretValue" => Some(Call::Read),
        "DeleteResourcePolicy" => Some(Call::Protection(Kind::ProtectionPolicyChanged)),
        "PutResourcePolicy" => Some(Call::PutPolicy),
        "CancelRotateSecret" => Some(Call::Protection(Kind::ProtectionRotationOff)),
        "DeleteSecret" => Some(Call::Protection(Kind::ProtectionSecretDeleted)),
        "UpdateSecret" => text("kmsKeyId").map(|key| Call::OtherKey(cut(key, NAME_LIMIT))),
        // The rule matches only another function than the stack's.
        "RotateSecret" => text("rotationLambdaARN").map(|_| Call::Protection(Kind::ProtectionRotationOff)),
        "TagResource" | "UntagResource" if has_readers(parameters) => {
            Some(Call::Protection(Kind::ProtectionPolicyChanged))
        }
        _ => None,
    }
}

fn of_a_key(operation: &str) -> Option<Call> {
    let is_of_the_key = matches!(
        operation,
        "DisableKey" | "ScheduleKeyDeletion" | "DeleteImportedKeyMaterial" | "PutKeyPolicy" | "RevokeGrant"
    );
    is_of_the_key.then_some(Call::Key)
}

fn has_readers(parameters: &Value) -> bool {
    let set = parameters["tags"].as_array().into_iter().flatten().map(|tag| &tag["key"]);
    let removed = parameters["tagKeys"].as_array().into_iter().flatten();
    set.chain(removed).any(|key| key == Tags::READERS)
}

/// The secrets of a call. An answer has the complete ARN. A request has what the caller wrote: an ARN with or without the
/// random characters, or a name.
fn secrets(detail: &Value) -> Vec<String> {
    let parameters = &detail["requestParameters"];
    let answered = detail["responseElements"]["arn"].as_str();
    let one = answered.or(parameters["secretId"].as_str()).or(parameters["secretARN"].as_str());
    let many = parameters["secretIdList"].as_array().into_iter().flatten().filter_map(Value::as_str);
    one.into_iter().chain(many).take(TARGETS_LIMIT).map(name).collect()
}

fn keys(detail: &Value) -> Vec<String> {
    let resources = detail["resources"].as_array().into_iter().flatten();
    let key = resources.filter_map(|resource| resource["ARN"].as_str()).next();
    key.or(detail["requestParameters"]["keyId"].as_str()).into_iter().map(name).collect()
}

fn origin(detail: &Value) -> Origin {
    let text = |value: &Value| value.as_str().map(|text| cut(text, WORD_LIMIT));
    Origin {
        address: text(&detail["sourceIPAddress"]).unwrap_or_else(|| "an unknown address".to_owned()),
        endpoint: text(&detail["vpcEndpointId"]),
        service: text(&detail["userIdentity"]["invokedBy"]),
    }
}

#[cfg(test)]
mod tests;
