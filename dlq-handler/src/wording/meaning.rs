//! What an incident means for the application right now, and what has been tried about it.

use contract::{Area, Kind, Severity};

use super::{Told, short};
use crate::incident::What;
use crate::secret_store::SecretFacts;

pub(super) fn now(told: Told<'_>) -> String {
    let incident = &told.announcement.incident;
    if matches!(told.announcement.what, What::Closed | What::Quiet) {
        return closed(told).to_owned();
    }
    match (incident.severity(), told.area) {
        (Severity::Critical, Area::Rotation) => {
            "Applications may be locked out, or will be when they connect again: the broker does not accept the \
             delivered credentials. Connections that are open stay open. Act now."
                .to_owned()
        }
        (_, Area::Rotation) if incident.detail.test_only => {
            "Nothing was to be rotated and nothing was changed. The next rotation would fail the same way.".to_owned()
        }
        (_, Area::Rotation) if incident.kind == Kind::DeliveryUndelivered => {
            "Nothing is broken: the cluster still has credentials that work, and they are protected from being \
             reset until the current version has arrived there."
                .to_owned()
        }
        (_, Area::Rotation) => rotation(told),
        (_, Area::Delivery) => "The rotation is done, but the cluster still has the former credentials. With two \
             users in turn they keep working: their user is not reset before the current version has been \
             delivered. With `single` they do not work any more, and the application cannot connect again."
            .to_owned(),
        (_, Area::Revocation) => {
            "The leaked credentials may still work. Production is not affected.".to_owned()
        }
        (_, Area::Adoption) => {
            "The broker user does not belong to the secret yet. Applications and rotations go on as before.".to_owned()
        }
        (_, Area::Function) if incident.is_of_one_event() => {
            "Nothing was changed: the function did not act on the event. Rotations and deliveries go on.".to_owned()
        }
        (_, Area::Function) => "The function does nothing for any secret until this is fixed. Credentials that \
             were delivered keep working; they only get older."
            .to_owned(),
        (_, Area::Alarm) => {
            "Nothing is known to be broken for applications; the suite itself is not well, and may be late.".to_owned()
        }
        (_, Area::Message) if incident.kind == Kind::AlertsWithheld => {
            "Somebody sends invented failures, or many secrets were deleted. Critical failures, failures of secrets that \
             exist and alerts about the functions and alarms in OWN_NAMES are still sent. What was not sent is in the \
             table of incidents."
                .to_owned()
        }
        (_, Area::Connections) => "Applications work. Somebody holds a connection that was opened with a password that \
             is not valid any more: an application that never reconnects, or somebody who should not be there. RabbitMQ \
             does not close it."
            .to_owned(),
        (_, Area::Message) => "It is not known whether anything is broken. The message was not acted upon, and is \
             not repeated."
            .to_owned(),
    }
}

pub(super) fn tried(told: Told<'_>) -> String {
    let incident = &told.announcement.incident;
    if !incident.detail.tried.is_empty() {
        return incident.detail.tried.clone();
    }
    let next = |help: &str| {
        format!("Secrets Manager repeats the rotation by itself while its window is open; {help}")
    };
    match told.area {
        Area::Rotation if incident.detail.test_only => "Nothing: a test is not repeated.".to_owned(),
        Area::Rotation if incident.kind.is_transient() => next("the next attempt may well succeed."),
        Area::Rotation => next("it will fail again until the cause is gone."),
        _ => "Nothing.".to_owned(),
    }
}

/// What is true of two users in turn; `single` is named where it differs.
fn rotation(told: Told<'_>) -> String {
    let detail = &told.announcement.incident.detail;
    let mut text =
        "Nothing is broken yet: the delivered credentials (AWSCURRENT) keep working, until a rotation \
                    succeeds. They only get older"
            .to_owned();
    match told.facts {
        Some(SecretFacts { last_rotated: Some(last), .. }) => {
            text.push_str(&format!(": the last rotation was on {}", short(*last)));
        }
        Some(_) => text.push_str(": no rotation has succeeded yet"),
        None => {}
    }
    text.push('.');
    if let Some(next) = told.facts.and_then(|facts| facts.next_rotation) {
        text.push_str(&format!(" The next rotation is scheduled for {} at the latest.", short(next)));
    }
    let after_set = matches!(detail.step.as_deref(), None | Some("testSecret" | "finishSecret"));
    if after_set {
        text.push_str(
            " Only with rotationStrategy `single`, AWSCURRENT may not log in between setSecret and finishSecret.",
        );
    }
    text
}

fn closed(told: Told<'_>) -> &'static str {
    let incident = &told.announcement.incident;
    match told.area {
        Area::Rotation if incident.detail.test_only => {
            "The test of the schedule succeeds now. Nothing was rotated; the next rotation comes by the schedule."
        }
        Area::Rotation if incident.kind == Kind::RotationStuck => {
            "The version is not AWSPENDING any more, so the next rotation can begin."
        }
        Area::Alarm => "The alarm is not raised any more: it is OK, has no data, or was deleted.",
        Area::Rotation => "The current credentials are fresh. Nothing is left to do.",
        Area::Delivery => "Applications have the current credentials. Nothing is left to do.",
        _ => "Nothing is left to do.",
    }
}
