//! The parts of a schedule. Pure.

use std::fmt;

use crate::fault_matrix::fault::Fault;
use crate::fault_matrix::place::{Function, Place};
use crate::fault_matrix::point::Point;

/// One part, with the number of the attempt that it belongs to, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The attempt.
    pub attempt: usize,
    /// What happens.
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A fault at a call.
    Fault {
        /// The call.
        point: Point,
        /// The fault.
        fault: Fault,
    },
    /// Something happens so many milliseconds after the attempt has begun.
    Meanwhile {
        /// When.
        after_ms: u16,
        /// What.
        outage: Outage,
    },
    /// A person acts after the attempt.
    Afterwards(Action),
}

/// A part of the world restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// The real broker stops and starts.
    Broker,
    /// The real operator is killed and starts again after a second.
    Operator,
    /// The table of incidents, and everything else that dlq-handler calls, refuses connections for so many milliseconds.
    Table(u16),
    /// Amazon MQ's load balancer, as rotation-mq sees it, refuses connections for so many milliseconds.
    Endpoint(u16),
}

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Removes AWSPENDING from a version that blocks rotations, as the playbook says.
    RemovesPending,
    /// Requests a delivery of the current version.
    Delivers,
    /// Moves AWSCURRENT back to the version before, if that logs in, and waits for the delivery.
    RollsBack,
    /// Revokes the version before, if the cluster holds the current one.
    Revokes,
    /// Starts a rotation while nothing else happens.
    Rotates,
}

impl Part {
    /// Whether it hits the function that reports failures, or the messages to it.
    #[must_use]
    pub fn hits_reports(&self) -> bool {
        match &self.what {
            What::Fault { point, .. } => {
                point.place == Place::Notices || point.place.function() == Function::DlqHandler
            }
            What::Meanwhile { outage, .. } => matches!(outage, Outage::Table(_)),
            What::Afterwards(_) => false,
        }
    }

    /// Whether it ends the process of a function.
    #[must_use]
    pub fn kills(&self) -> bool {
        matches!(&self.what, What::Fault { fault, .. } if fault.kills())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempt = self.attempt + 1;
        match &self.what {
            What::Fault { point, fault } => write!(formatter, "attempt {attempt}: {point}, {fault}"),
            What::Meanwhile { after_ms, outage } => {
                let what = match outage {
                    Outage::Broker => "the broker restarts".to_owned(),
                    Outage::Operator => "the operator restarts".to_owned(),
                    Outage::Table(ms) => format!("the table is away for {ms} ms"),
                    Outage::Endpoint(ms) => format!("the broker's endpoint is away for {ms} ms"),
                };
                write!(formatter, "attempt {attempt}: {what}, {after_ms} ms after it has begun")
            }
            What::Afterwards(action) => {
                let what = match action {
                    Action::RemovesPending => "removes AWSPENDING",
                    Action::Delivers => "requests a delivery",
                    Action::RollsBack => "moves AWSCURRENT back",
                    Action::Revokes => "revokes the version before",
                    Action::Rotates => "starts a rotation",
                };
                write!(formatter, "after attempt {attempt}: a person {what}")
            }
        }
    }
}
