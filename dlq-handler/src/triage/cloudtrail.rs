//! What Secrets Manager reports about a rotation in CloudTrail, as EventBridge delivers it. It is the only trace of a
//! function that crashed, timed out, or could not be invoked.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html>

use contract::{Area, Kind, cut};
use serde_json::Value;

use super::{Received, failure, success, time};
use crate::message::{Detail, Message, Success};
use crate::redact;

const ERROR_LIMIT: usize = 300;

pub(super) fn read(received: Received<'_>, value: &Value) -> Option<Message> {
    if value["source"] != "aws.secretsmanager" {
        return None;
    }
    let detail = &value["detail"];
    // Both forms were captured. AWS documents neither.
    let [older, newer] =
        [&detail["additionalEventData"]["SecretId"], &detail["serviceEventDetails"]["secretId"]];
    let subject = older.as_str().or(newer.as_str())?.to_owned();
    let name = detail["eventName"].as_str()?;
    let at = time(&detail["eventTime"], received);
    let received = Received { id: value["id"].as_str().unwrap_or(received.id), ..received };
    let (kind, what) = match name {
        "RotationFailed" => (Kind::RotationFailed, "Secrets Manager reports that a rotation failed"),
        "TestRotationFailed" => (
            Kind::RotationTestFailed,
            "Secrets Manager reports that the test of the rotation's schedule failed",
        ),
        "RotationSucceeded" => return Some(success(received, Area::Rotation, &subject, at)),
        "TestRotationSucceeded" => {
            let Message::Success(success) = success(received, Area::Rotation, &subject, at) else {
                return None;
            };
            return Some(Message::Success(Success { of_test: true, ..success }));
        }
        // Somebody stored a value by hand while a rotation was in progress.
        "RotationAbandoned" => return Some(Message::Information(format!("{name}: {subject}"))),
        _ => return None,
    };
    let said = detail["errorMessage"].as_str().map(redact::text).unwrap_or_default();
    let said = if said.is_empty() { String::new() } else { format!(": {}", cut(&said, ERROR_LIMIT)) };
    let detail = Detail {
        message: format!(
            "{what}{said}. The function did not report why: it may have crashed or reached its timeout, or Secrets \
            Manager could not invoke it (permission, throttling)."
        ),
        test_only: kind == Kind::RotationTestFailed,
        ..Detail::default()
    };
    Some(Message::Failure(Box::new(failure(received, Area::Rotation, &subject, kind, at, detail))))
}
