//! The commands of `secops`. They come before those of the AWS CLI, which are for the day when `secops` cannot be used.

use contract::{Area, Argument, Kind};

use super::commands::argument;
use super::{Places, Told};

/// The command line, for the stack of this function.
pub(super) fn program(places: &Places) -> String {
    places.stack.as_ref().map_or_else(|| "secops".to_owned(), |stack| format!("secops --stack {stack}"))
}

/// What to do with `secops`, if it does something about this area. `secret` is a valid argument or its placeholder.
pub(super) fn steps(told: Told<'_>, places: &Places, secret: &str) -> Vec<String> {
    let secops = program(places);
    let look = || format!("Look at the secret, its users and its broker:\n`{secops} inspect {secret}`");
    match told.area {
        Area::Rotation => vec![
            look(),
            format!(
                "After you have fixed the cause, rotate, and watch each step:\n`{secops} rotate {secret} --follow`"
            ),
        ],
        // The command tries the login of the version first.
        Area::Delivery if told.announcement.incident.kind == Kind::DeliveryHeldBack => {
            vec![format!("Move AWSCURRENT back to the version before:\n`{secops} rollback {secret}`")]
        }
        Area::Delivery if places.secret2eks.is_some() => {
            vec![format!(
                "After you have fixed the cause, request the delivery again:\n`{secops} deliver {secret}`"
            )]
        }
        Area::Revocation => {
            let version = told.announcement.incident.detail.version.as_deref().unwrap_or_default();
            let version = argument(version, Argument::Version);
            vec![format!(
                "Repeat the revocation:\n`{secops} revoke {secret} --version {version} --reason REASON`"
            )]
        }
        // The name of a broker user is any text.
        Area::Adoption => {
            vec![format!("Repeat the adoption:\n`{secops} adopt {secret} USER --reason REASON`")]
        }
        Area::Connections | Area::Inspection => vec![look()],
        Area::Access => vec![format!(
            "If it was allowed, or if you have dealt with it, close the incident:\n\
             `{secops} incidents close {secret} access --reason REASON`"
        )],
        Area::Function | Area::Alarm => vec![format!("Check the whole set-up:\n`{secops} doctor`")],
        Area::Delivery | Area::Message => Vec::new(),
    }
}
