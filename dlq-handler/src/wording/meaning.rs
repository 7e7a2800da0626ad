//! What an incident means for the application now, and what has been tried to fix it.

use contract::{Area, Kind, Severity};

use super::{Told, short};
use crate::incident::What;
use crate::message::function_of_reconcile;
use crate::secret_store::SecretFacts;

pub(super) fn now(told: Told<'_>) -> String {
    let incident = &told.announcement.incident;
    if matches!(told.announcement.what, What::Closed | What::Quiet) {
        return closed(told).to_owned();
    }
    match (incident.severity(), told.area) {
        (Severity::Critical, Area::Rotation) => {
            "Act now. The broker does not accept the delivered credentials. Applications that connect now may be \
            locked out. Open connections stay open."
                .to_owned()
        }
        (_, Area::Rotation) if incident.detail.test_only => {
            "This was only a test, and nothing was changed. The next rotation would fail for the same reason.".to_owned()
        }
        (_, Area::Rotation) if incident.kind == Kind::DeliveryUndelivered => {
            "Nothing is broken. The credentials in the cluster still work. They are not reset until the cluster has \
            the current version."
                .to_owned()
        }
        (_, Area::Rotation) => rotation(told),
        (_, Area::Delivery) if incident.kind == Kind::DeliveryHeldBack => {
            "The value that is AWSCURRENT does not work, so nothing may rotate. The message says what the cluster has instead. \
            Whoever reads the secret without the cluster gets the value that does not work."
                .to_owned()
        }
        (_, Area::Delivery) if incident.kind == Kind::DeliveryUnchecked => {
            "The cluster has the value. Nobody has tested it. If it does not log in, applications that connect now are locked \
            out."
                .to_owned()
        }
        (Severity::Critical, Area::Inspection) => {
            "Act now. Applications that connect now may be locked out. Open connections stay open.".to_owned()
        }
        (_, Area::Inspection) if incident.kind == Kind::SecretUninspected => {
            "Nothing is known to be broken. A changed password or permission would be noticed only when the next rotation fails."
                .to_owned()
        }
        (_, Area::Inspection) => {
            "Applications work, as far as the inspection shows. If nobody fixes it, the next rotation may fail or may \
            interrupt a client."
                .to_owned()
        }
        (_, Area::Delivery) => "The rotation succeeded, but the cluster still has the old credentials. With two \
        users in turn, they keep working: their user is not reset until the current version is delivered. \
        With `single`, they no longer work, and the application cannot connect again."
            .to_owned(),
        (_, Area::Revocation) => {
            "The leaked credentials may still work. Production is not affected.".to_owned()
        }
        (_, Area::Adoption) => {
            "The broker user does not belong to the secret yet. Applications and rotations continue.".to_owned()
        }
        (_, Area::Function) if incident.is_of_one_event() => {
            "Nothing was changed: the function refused the event. Rotations and deliveries continue.".to_owned()
        }
        (_, Area::Function) if is_about_a_deployment(incident.detail.step.as_deref()) => {
            "CloudFormation got no answer. Its stack waits until the `ServiceTimeout` of the resource, and then fails. \
            Rotations and deliveries continue."
                .to_owned()
        }
        (_, Area::Function) if incident.kind == Kind::DeliveryTakeBackWithheld => {
            "Deliveries continue. The cluster keeps the credentials of secrets that were deleted or go elsewhere."
                .to_owned()
        }
        (_, Area::Function) if function_of_reconcile(told.subject).is_some() => {
            "Deliveries of new versions continue. Until a reconcile succeeds, the cluster may lack a change whose event was lost: \
            a new secret, other tags, or a deletion."
                .to_owned()
        }
        (_, Area::Function) => "The function does nothing for any secret until this is fixed. Delivered credentials \
        keep working, but they get older."
            .to_owned(),
        (_, Area::Alarm) => {
            "Applications are probably not affected. A part of the suite has a problem, and may be late.".to_owned()
        }
        (_, Area::Message) if incident.kind == Kind::AlertsWithheld => {
            "Somebody sends invented failures, many secrets were deleted, or somebody reads many secrets. Alerts are still sent if they are critical, \
            or about secrets that exist, or about the functions and alarms in OWN_NAMES. The table of incidents has the \
            other failures."
                .to_owned()
        }
        (_, Area::Connections) => "Applications work. A connection is open that was opened with a password that is no \
        longer valid. Either an application never reconnects, or somebody is connected who should not be. RabbitMQ \
        does not close such a connection."
            .to_owned(),
        (_, Area::Access) => access(incident.kind).to_owned(),
        (_, Area::Message) => "It is not known whether anything is broken. dlq-handler did not act on the message, and \
        nothing repeats the message."
            .to_owned(),
    }
}

fn access(kind: Kind) -> &'static str {
    match kind {
        Kind::AccessDenied => {
            "AWS refused the call, so nothing was read or changed. Somebody may be looking for what they can reach."
        }
        Kind::ProtectionPolicyChanged => {
            "The credentials work. Other principals may be able to read or change the secret now."
        }
        Kind::ProtectionRotationOff => {
            "The credentials work, but they are no longer rotated by this stack. A stolen password stays valid."
        }
        Kind::ProtectionSecretDeleted => {
            "Applications that hold the credentials continue. Nobody can read the secret any more. Secrets Manager keeps it \
             until the end of its recovery window, if the caller did not forgo that."
        }
        Kind::ProtectionKeyChanged => {
            "Applications that hold their credentials continue. If the key cannot be used, nobody can read the secrets, and \
             no rotation and no delivery works."
        }
        _ => {
            "The credentials work. If the read was not allowed, somebody has them who should not: until they are revoked, \
             they can use the broker as the application."
        }
    }
}

/// Whether the step is an action of broker-user. It reports only answers that did not reach CloudFormation.
fn is_about_a_deployment(step: Option<&str>) -> bool {
    matches!(step, Some("createUser" | "updateUser" | "deleteUser"))
}

pub(super) fn tried(told: Told<'_>) -> String {
    let incident = &told.announcement.incident;
    if !incident.detail.tried.is_empty() {
        return incident.detail.tried.clone();
    }
    let next =
        |help: &str| format!("Secrets Manager repeats the rotation within its rotation window. {help}");
    match told.area {
        Area::Rotation if incident.detail.test_only => "Nothing: a test is not repeated.".to_owned(),
        Area::Rotation if incident.kind.is_transient() => next("The next attempt may succeed."),
        Area::Rotation => next("It will fail again until you fix the cause."),
        Area::Delivery if incident.kind == Kind::DeliveryUnchecked => {
            "Each reconcile checks the value again, until the broker answers.".to_owned()
        }
        Area::Inspection => "Nothing. The secret is inspected again within two hours.".to_owned(),
        Area::Function if function_of_reconcile(told.subject).is_some() => {
            "The next reconcile (`ReconcileSchedule`) tries again.".to_owned()
        }
        _ => "Nothing.".to_owned(),
    }
}

/// What is true for two users in turn. The text names `single` where it differs.
fn rotation(told: Told<'_>) -> String {
    let detail = &told.announcement.incident.detail;
    let mut text =
        "Nothing is broken yet. The delivered credentials (AWSCURRENT) keep working, but they get older."
            .to_owned();
    match told.facts {
        Some(SecretFacts { last_rotated: Some(last), .. }) => {
            text.push_str(&format!(" The last rotation was on {}.", short(*last)));
        }
        Some(_) => text.push_str(" No rotation has succeeded yet."),
        None => {}
    }
    if let Some(next) = told.facts.and_then(|facts| facts.next_rotation) {
        text.push_str(&format!(" The next rotation is scheduled for {} at the latest.", short(next)));
    }
    let after_set = matches!(detail.step.as_deref(), None | Some("testSecret" | "finishSecret"));
    if after_set {
        text.push_str(
            " Exception: with rotationStrategy `single`, logins with AWSCURRENT can fail between setSecret and \
             finishSecret.",
        );
    }
    text
}

fn closed(told: Told<'_>) -> &'static str {
    let incident = &told.announcement.incident;
    if incident.closed_by.is_some() {
        return "Nothing was changed. The incident opens again if the same happens again.";
    }
    match told.area {
        Area::Rotation if incident.detail.test_only => {
            "The test of the schedule succeeded. Nothing was rotated. The next rotation follows the schedule."
        }
        Area::Rotation if incident.kind == Kind::RotationStuck => {
            "The version is no longer AWSPENDING, so the next rotation can start."
        }
        Area::Alarm => "The alarm is OK, has no data, or was deleted.",
        Area::Rotation => "The current credentials are new. There is nothing left to do.",
        Area::Inspection => "The last inspection found nothing. There is nothing left to do.",
        Area::Delivery => "The cluster has the current credentials. There is nothing left to do.",
        _ => "There is nothing left to do.",
    }
}
