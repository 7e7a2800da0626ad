//! One call of a clean rotation: where a fault is injected.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::place::Place;

/// Whose turn it is in the rotation that a point belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Turn {
    /// The first rotation of a secret: the second user does not exist. secret2eks starts for it.
    First,
    /// A later one: the second user exists, with grants that are not those of the first. secret2eks keeps its
    /// connection to the cluster.
    Later,
    /// As a later one, but the broker refuses to set the password: the failure is published, and an incident opens.
    Failing,
    /// The attempt after a failed one: it succeeds, and the incident closes.
    Mending,
    /// As a later one, but the cluster refuses until Lambda gives the delivery up: an incident opens, the handler asks
    /// for the delivery once more, and it closes.
    Undelivered,
}

/// A call, named so that it is found again in another run: calls that go out side by side have no fixed order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Point {
    /// The rotation that makes the call.
    pub turn: Turn,
    /// Where it goes.
    pub place: Place,
    /// The step that makes it; `delivery` for secret2eks, `incident` for dlq-handler.
    pub step: String,
    /// What it is: see [`super::call_name`].
    pub call: String,
    /// The how-manieth of that name in the rotation, from 1.
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
