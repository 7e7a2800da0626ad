//! A store that sells cookies: payment tells of each confirmed order, the messenger sends it to the customer, and
//! order fulfils it. Each has a broker user of its own, whose credentials rotate while the store trades.
//!
//! What to copy from here is how a service gets through a rotation without losing or doubling an order:
//!
//! 1. Credentials are read from the files of a mounted Secret, both from one version of it ([`credentials`]).
//! 2. A changed volume leads to a new connection first and the end of the old one after that; a lost connection leads
//!    to a new one with what the volume holds then ([`connection`], [`service`]).
//! 3. A publisher keeps an order until the broker has confirmed it, and sends it again under the same id otherwise
//!    ([`payment`]).
//! 4. A consumer acknowledges after the work, and drops an order that it has done already ([`consumer`], [`ledger`]).
//!
//! Points 3 and 4 are what any application needs that must not lose messages, with or without rotation.

pub mod arguments;
pub mod connection;
pub mod consumer;
pub mod credentials;
pub mod ledger;
pub mod outbox;
pub mod payment;
pub mod report;
pub mod service;
pub mod topology;
