//! One call of a clean rotation, at which a fault is injected.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::place::Place;

/// The kind of rotation that a point belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Turn {
    /// The first rotation of a secret. The second user does not exist, and secret2eks starts for it.
    First,
    /// A later rotation. The second user exists, with other permissions than the first. secret2eks keeps its connection
    /// to the cluster.
    Later,
    /// As a later one, but the broker refuses to set the password. The failure is published, and an incident opens.
    Failing,
    /// The attempt after a failed one. It succeeds, and the incident closes.
    Mending,
    /// As a later one, but the cluster refuses until Lambda has tried the delivery for the last time. An incident opens,
    /// the handler requests the delivery again, and the incident closes.
    Undelivered,
}

/// A call, with a name that finds it in another run, because parallel calls have no fixed order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Point {
    /// The rotation in which the call is made.
    pub turn: Turn,
    /// The place that receives it.
    pub place: Place,
    /// The step that makes it; `delivery` for secret2eks, `incident` for dlq-handler.
    pub step: String,
    /// Its name: see [`super::call_name`].
    pub call: String,
    /// Its number among the calls of that name in the rotation, from 1.
    pub nth: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { turn, place, step, call, nth } = self;
        let turn = match turn {
            Turn::First => "first",
            Turn::Later => "later",
            Turn::Failing => "failing",
            Turn::Mending => "mending",
            Turn::Undelivered => "undelivered",
        };
        write!(formatter, "{turn} {place} {step} {call} #{nth}")
    }
}
