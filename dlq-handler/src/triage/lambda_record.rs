//! Lambda's record of an asynchronous invocation, sent to a destination for success or failure.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use contract::{Area, Kind, cut};
use jiff::Timestamp;
use serde_json::Value;

use super::{NAME_LIMIT, Received, delivery, distrust, failure, success, time};
use crate::message::{Detail, Failure, Message, reconcile_of};
use crate::redact;

const MESSAGE_LIMIT: usize = 1_000;

pub(super) fn read(received: Received<'_>, value: &Value) -> Option<Message> {
    let context = &value["requestContext"];
    let (arn, condition) = (context["functionArn"].as_str()?, context["condition"].as_str()?);
    let function = function_name(arn);
    let delivery = delivery(&value["requestPayload"]);
    let at = time(&value["timestamp"], received);
    let id = context["requestId"]
        .as_str()
        .map_or_else(|| received.id.to_owned(), |id| format!("{id} {condition}"));
    let received = Received { id: &id, ..received };
    let delivers = received.deliverer.is_none_or(|deliverer| is_function(arn, deliverer));
    if delivery.is_some() && !delivers {
        let what = "another function delivers";
        return Some(Message::Untrusted { failure: Box::new(distrust(received, what, arn)), claim: None });
    }
    let answer = &value["responsePayload"];
    let kind = answer["errorType"].as_str().and_then(Kind::parse);
    // A caller of a function can name any secret in an event. A refused event proves nothing about that secret.
    let named = delivery.as_ref().map(|request| cut(&request.secret_arn, NAME_LIMIT));
    let delivery = delivery.filter(|_| kind != Some(Kind::EventInvalid));
    let area = if delivery.is_some() { Area::Delivery } else { Area::Function };
    let compares = delivers && is_compared(&value["requestPayload"]) && !is_of_the_function(kind);
    let subject = match &delivery {
        Some(request) => request.secret_arn.clone(),
        None if compares => reconcile_of(function),
        None => function.to_owned(),
    };
    if condition == "Success" {
        // The secret goes to another cluster: nothing was delivered, so no incident ends.
        let elsewhere = value["responsePayload"]["outcome"] == "otherCluster";
        return Some(match area {
            Area::Delivery if elsewhere => {
                Message::Information(format!("{function} leaves {subject} to another cluster"))
            }
            Area::Delivery => match warning(received, function, answer, &subject, at) {
                Some(warning) => Message::Failure(Box::new(warning)),
                None => success(received, area, &subject, at),
            },
            _ if compares && answer["outcome"] == "reconciled" => success(received, area, &subject, at),
            _ => Message::Information(format!("{function} succeeded")),
        });
    }
    let said = answer["errorMessage"].as_str().map(redact::text).unwrap_or_default();
    let message = match kind {
        // The message is from our own function: it holds no credential.
        Some(_) => answer["errorMessage"].as_str().unwrap_or_default().to_owned(),
        None if said.is_empty() => format!("{function} gave no answer ({})", redact::text(condition)),
        None => format!("{function} ended without an answer: {said}"),
    };
    let text = |value: &Value| value.as_str().map(|text| cut(text, NAME_LIMIT));
    let detail = Detail {
        message: cut(&message, MESSAGE_LIMIT),
        version: delivery.as_ref().map(|request| cut(&request.version_id, NAME_LIMIT)),
        function: Some(cut(function, NAME_LIMIT)),
        secret: named.filter(|_| area == Area::Function),
        request_id: text(&context["requestId"]),
        ..Detail::default()
    };
    let failure = failure(received, area, &subject, kind.unwrap_or(Kind::FunctionCrashed), at, detail);
    Some(Message::Failure(Box::new(Failure { delivery, ..failure })))
}

/// The first warning of a delivery that did not fail. It is not requested again: the cluster has the version, or the broker
/// refuses it.
fn warning(
    received: Received<'_>,
    function: &str,
    answer: &Value,
    subject: &str,
    at: Timestamp,
) -> Option<Failure> {
    let warning = answer["warnings"].as_array()?.first()?;
    let kind = Kind::parse(warning["kind"].as_str()?)?;
    let text = |value: &Value| value.as_str().map(|text| cut(text, NAME_LIMIT));
    let detail = Detail {
        message: cut(warning["message"].as_str().unwrap_or_default(), MESSAGE_LIMIT),
        version: text(&answer["versionId"]),
        function: Some(cut(function, NAME_LIMIT)),
        ..Detail::default()
    };
    Some(failure(received, Area::Delivery, subject, kind, at, detail))
}

/// Whether the next reconcile does what the event asks for: it is a reconcile, or a call that `CloudTrail` reports.
fn is_compared(event: &Value) -> bool {
    event["Action"] == "reconcile" || event["detail-type"] == "AWS API Call via CloudTrail"
}

/// Whether the failure says something about the function, or about who invoked it, and nothing about the reconcile.
fn is_of_the_function(kind: Option<Kind>) -> bool {
    matches!(kind, Some(Kind::EventInvalid | Kind::ConfigurationInvalid))
}

/// Whether `arn`, with or without a qualifier, is the function `known`, an ARN or a name.
fn is_function(arn: &str, known: &str) -> bool {
    let unqualified = |arn: &str| arn.split(':').take(7).collect::<Vec<_>>().join(":");
    if known.starts_with("arn:") {
        unqualified(arn) == unqualified(known)
    } else {
        function_name(arn) == known
    }
}

/// `arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER`
fn function_name(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or(arn)
}
