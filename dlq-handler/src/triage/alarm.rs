//! A CloudWatch alarm, as SNS and EventBridge report it.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html>
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html>

use contract::{Area, Kind, cut};
use serde_json::Value;

use super::{Received, failure, success, time};
use crate::message::{Detail, Message};
use crate::redact;

const REASON_LIMIT: usize = 500;

/// What both forms have in common.
struct Change<'v> {
    name: &'v str,
    state: &'v str,
    at: &'v Value,
    description: &'v Value,
    reason: &'v Value,
}

pub(super) fn read(received: Received<'_>, value: &Value) -> Option<Message> {
    let change = from_sns(value).or_else(|| from_event_bridge(value))?;
    let name = change.name;
    let at = time(change.at, received);
    let id = format!("{name} {} {at}", change.state);
    let received = Received { id: &id, ..received };
    if change.state != "ALARM" {
        // An alarm without data, or a deleted one, is no longer raised either, and may never be OK again.
        return Some(success(received, Area::Alarm, name, at));
    }
    let text = |value: &Value| redact::text(value.as_str().unwrap_or_default());
    let detail = Detail {
        message: format!("The alarm {name} was raised: {}", text(change.description)),
        causes: vec![cut(&text(change.reason), REASON_LIMIT)],
        ..Detail::default()
    };
    Some(Message::Failure(Box::new(failure(received, Area::Alarm, name, Kind::AlarmRaised, at, detail))))
}

fn from_sns(value: &Value) -> Option<Change<'_>> {
    Some(Change {
        name: value["AlarmName"].as_str()?,
        state: value["NewStateValue"].as_str()?,
        at: &value["StateChangeTime"],
        description: &value["AlarmDescription"],
        reason: &value["NewStateReason"],
    })
}

fn from_event_bridge(value: &Value) -> Option<Change<'_>> {
    let detail = &value["detail"];
    let state = match value["detail-type"].as_str()? {
        "CloudWatch Alarm State Change" => detail["state"]["value"].as_str()?,
        "CloudWatch Alarm Configuration Change" if detail["operation"] == "delete" => "deleted",
        _ => return None,
    };
    Some(Change {
        name: detail["alarmName"].as_str()?,
        state,
        at: &value["time"],
        description: &detail["configuration"]["description"],
        reason: &detail["state"]["reason"],
    })
}
