//! A failure notice of one of our functions.

use contract::{Area, DeliveryRequest, FailureNotice, Kind, NOTICE_SCHEMA, cut};
use serde::Deserialize as _;
use serde_json::Value;

use super::{NAME_LIMIT, Received, failure, time};
use crate::message::{Detail, Failure, Message};

const CAUSES_LIMIT: usize = 4;
const CAUSE_LIMIT: usize = 500;
const MESSAGE_LIMIT: usize = 1_000;

pub(super) fn read(received: Received<'_>, value: &Value) -> Option<Message> {
    let notice = FailureNotice::deserialize(value).ok().filter(|notice| notice.schema == NOTICE_SCHEMA)?;
    let area = area(&notice);
    let subject = match (&notice.secret_arn, area) {
        (Some(arn), area) if area.is_about_secrets() => arn.clone(),
        _ => notice.function.clone(),
    };
    if area == Area::Rotation && notice.kind.is_of_a_past_attempt() {
        let version = notice.version_id.as_deref().unwrap_or("an unknown version");
        return Some(Message::Information(format!("{}: {subject}, {version}", notice.kind)));
    }
    let occurred_at = time(&value["occurredAt"], received);
    let delivery = (area == Area::Delivery).then(|| delivery(&notice)).flatten();
    let kind = notice.kind;
    let id = format!("{} {kind}", notice.request_id);
    let received = Received { id: if notice.request_id.is_empty() { received.id } else { &id }, ..received };
    let detail = Detail {
        message: cut(&notice.message, MESSAGE_LIMIT),
        causes: notice.causes.iter().take(CAUSES_LIMIT).map(|cause| cut(cause, CAUSE_LIMIT)).collect(),
        step: short(notice.step),
        version: short(notice.version_id),
        user: short(notice.user),
        broker: short(notice.broker),
        function: short(Some(notice.function)),
        secret: short(notice.secret_arn.filter(|_| area == Area::Function)),
        request_id: short(Some(notice.request_id)),
        stored_by: None,
        test_only: notice.test_only,
        who: None,
        tried: String::new(),
    };
    let failure = failure(received, area, &subject, kind, occurred_at, detail);
    Some(Message::Failure(Box::new(Failure { delivery, ..failure })))
}

fn short(text: Option<String>) -> Option<String> {
    text.map(|text| cut(&text, NAME_LIMIT))
}

/// The area of a notice. A caller of a function can name any secret in an event. A refused event proves nothing about
/// that secret.
fn area(notice: &FailureNotice) -> Area {
    let is_the_functions = matches!(notice.kind, Kind::ConfigurationInvalid | Kind::EventInvalid);
    if notice.secret_arn.is_none() || is_the_functions {
        return Area::Function;
    }
    match (notice.step.as_deref(), notice.kind) {
        (Some("revokePrevious"), _) => Area::Revocation,
        (Some("adopt"), _) => Area::Adoption,
        (Some("inspection"), _) => Area::Inspection,
        // The rotation itself has finished then.
        (_, Kind::DeliveryRequestFailed) => Area::Delivery,
        // The rotation continues.
        (_, Kind::ConnectionsOutlived) => Area::Connections,
        _ => Area::Rotation,
    }
}

/// The delivery that rotation-mq could not request. That was the first attempt. A notice is a claim, so secret2eks checks
/// the version.
fn delivery(notice: &FailureNotice) -> Option<DeliveryRequest> {
    Some(DeliveryRequest {
        secret_arn: notice.secret_arn.clone()?,
        version_id: notice.version_id.clone()?,
        attempt: 1,
        tested: false,
        promoted_at: Some(notice.occurred_at.clone()),
    })
}
