//! Follows what a rotation, a delivery and the clients do, until it is over.

mod clients;
mod delivery;
mod journal;
mod rotation;

use contract::Area;
use jiff::Timestamp;

pub use clients::{Clients, Unseen, clients};
pub use delivery::delivery;
pub use journal::Journal;
pub use rotation::{begin, join, rotation};

use crate::context::Context;
use crate::incidents::{Incident, incidents};
use crate::outcome::{Problem, Result};
use crate::playbooks::hint;
use crate::screen::text::foreign;

/// The failure in an area since a moment, if one is open.
async fn failure(context: &Context, arn: &str, area: Area, since: Timestamp) -> Result<Option<Incident>> {
    let items = context.incidents()?.of(arn).await?;
    // CloudTrail's times are in whole seconds.
    let is_it = |one: &Incident| {
        one.is_open() && one.area == area.as_str() && one.last_failure_at.as_second() >= since.as_second()
    };
    Ok(incidents(&items).into_iter().find(is_it))
}

/// The end of a wait for something that failed.
fn failed(what: &str, incident: &Incident) -> anyhow::Error {
    let (kind, message) = (foreign(&incident.kind), foreign(&incident.message));
    Problem::failed(format!("{what}: {kind}: {message}; what to do: {}", hint(&incident.kind)))
}
