//! A request of SecOps to close an incident (`contract/schemas/close-event.json`).

use contract::{CLOSE_SCHEMA, CloseRequest, cut};
use serde::Deserialize as _;
use serde_json::Value;

use super::{Received, name};
use crate::message::{Closed, Closing, Message};

pub(super) fn read(received: Received<'_>, value: &Value) -> Option<Message> {
    let request = CloseRequest::deserialize(value).ok().filter(|request| request.schema == CLOSE_SCHEMA)?;
    // Nobody closes an incident without a name and a reason.
    if request.by.trim().is_empty() || request.reason.trim().is_empty() {
        return None;
    }
    let closed = Closed {
        by: cut(&request.by, CloseRequest::BY_LIMIT),
        sender: received.sender.map(|sender| cut(sender, CloseRequest::BY_LIMIT)),
        reason: cut(&request.reason, CloseRequest::REASON_LIMIT),
    };
    Some(Message::Close(Closing {
        id: name(received.id),
        subject: name(&request.subject),
        area: request.area,
        incident_id: request.incident_id,
        sent_at: received.sent_at,
        closed,
    }))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::triage::triage;
    use crate::way::Way;

    fn read_from(way: Way, value: &Value) -> Message {
        let sent_at = Timestamp::UNIX_EPOCH;
        let sender = Some("AROA1:ada");
        triage(
            Received { id: "m1", sent_at, way, deliverer: None, waited: false, sender },
            &value.to_string(),
        )
    }

    #[test]
    fn a_request_is_believed_from_its_own_queue_only_and_needs_a_name_and_a_reason() {
        let request = json!({
            "schema": "incident-close/1", "subject": "arn", "area": "access", "by": "arn:ada", "reason": "known",
        });
        let Message::Close(closing) = read_from(Way::Close, &request) else { panic!("it closes nothing") };
        assert_eq!((closing.subject.as_str(), closing.closed.by.as_str()), ("arn", "arn:ada"));
        assert_eq!(closing.closed.sender.as_deref(), Some("AROA1:ada"));
        for way in [Way::Rule, Way::Own, Way::Delivery, Way::Topic, Way::Any, Way::Reads, Way::Protection] {
            assert!(matches!(read_from(way, &request), Message::Untrusted { claim: None, .. }), "{way:?}");
        }
        for field in ["by", "reason"] {
            let mut empty = request.clone();
            empty[field] = json!(" ");
            assert!(matches!(read_from(Way::Close, &empty), Message::Failure(_)), "{field}");
        }
    }

    #[test]
    fn nothing_else_is_believed_from_that_queue() {
        let sweep = json!({"schema": "dlq-handler-sweep/1"});
        let notice = json!({
            "schema": "rotation-failure/1", "kind": "vhost.missing", "severity": "error", "transient": false,
            "testOnly": false, "step": "setSecret", "secretArn": "arn", "versionId": null, "broker": null,
            "user": null, "message": "x", "causes": [], "function": "f", "requestId": "1",
            "occurredAt": "2026-11-25T08:00:00Z",
        });
        for message in [sweep, notice] {
            assert!(matches!(read_from(Way::Close, &message), Message::Untrusted { .. }), "{message}");
        }
    }
}
