//! The title of an alert: which secret, function or alarm, and what is the matter with it.

use contract::{Area, Kind, Severity};

use super::{NAME_LIMIT, Told, name, named};
use crate::incident::What;
use crate::message::function_of_reconcile;

pub(super) fn title(told: Told<'_>) -> String {
    let incident = &told.announcement.incident;
    let (name, kind) = (named(name(told.subject), NAME_LIMIT), incident.kind);
    let mark = if incident.severity() == Severity::Critical { "CRITICAL: " } else { "" };
    let fails = match told.area {
        Area::Rotation if incident.detail.test_only => "the test of its schedule fails",
        Area::Rotation => "rotation fails",
        Area::Delivery => delivery(kind),
        Area::Revocation => "revoking leaked credentials failed",
        Area::Adoption => "a broker user could not be adopted",
        Area::Function if incident.is_of_one_event() => "the function refused an event",
        Area::Function if function_of_reconcile(told.subject).is_some() => "comparing all secrets fails",
        Area::Function => "the function fails",
        Area::Alarm => "alarm",
        Area::Message => message(kind),
        Area::Connections => "a connection outlives rotations",
        Area::Inspection if kind == Kind::SecretUninspected => "it cannot be inspected",
        Area::Inspection => "an inspection found a problem",
        Area::Access => access(kind),
    };
    match told.announcement.what {
        What::Opened => format!("{mark}{name}: {fails} ({kind})"),
        What::Changed if told.area == Area::Access => format!("{mark}{name}: {fails}, too ({kind})"),
        What::Changed => format!("{mark}{name}: {fails} for another reason ({kind})"),
        What::Explained => format!("{mark}{name}: it is known who stored the value ({kind})"),
        What::StaysOpen => format!("{mark}{name}: {fails}, for more than a day now ({kind})"),
        What::Closed if incident.closed_by.is_some() => format!("{name}: closed by a person ({kind})"),
        What::Closed | What::Quiet => match told.area {
            Area::Rotation => format!("{name}: rotation works again"),
            Area::Delivery => format!("{name}: delivery works again, the cluster has the current version"),
            Area::Connections => format!("{name}: no connection outlives rotations any more"),
            Area::Inspection => format!("{name}: an inspection found nothing any more"),
            _ => format!("{name}: resolved ({kind})"),
        },
    }
}

fn delivery(kind: Kind) -> &'static str {
    match kind {
        Kind::DeliveryHeldBack => "a stored value does not log in, and was not delivered",
        Kind::DeliveryUnchecked => "a stored value was delivered, but could not be checked",
        _ => "delivery to the cluster fails",
    }
}

fn message(kind: Kind) -> &'static str {
    match kind {
        Kind::MessageUntrusted => "a message from a wrong sender",
        Kind::AlertsWithheld => "more alerts than AlertsPerHour allows",
        _ => "a message that dlq-handler does not understand",
    }
}

fn access(kind: Kind) -> &'static str {
    match kind {
        Kind::AccessFromOutside => "read from a place that is not on the list",
        Kind::AccessDenied => "AWS denied a call",
        Kind::ProtectionPolicyChanged => "its policy was changed",
        Kind::ProtectionRotationOff => "its rotation was switched off",
        Kind::ProtectionSecretDeleted => "it was deleted",
        Kind::ProtectionKeyChanged => "the key was changed",
        _ => "read by a principal that is not on the list",
    }
}
