//! An example store that sells cookies. Payment publishes each confirmed order, the messenger sends it to the customer, and
//! order fulfils it. Each service has its own broker user. The credentials rotate while the services run.
//!
//! The example shows how a service continues during a rotation and neither loses nor repeats an order:
//!
//! 1. The service reads the user and the password from the files of a mounted Secret, both from the same version
//!    ([`credentials`]).
//! 2. When the volume changes, the service opens a new connection and then closes the old one. When a connection is lost,
//!    it connects again with the current credentials in the volume ([`connection`], [`service`]).
//! 3. A publisher keeps an order until the broker has confirmed it. Without a confirmation, it sends the order again with
//!    the same ID ([`payment`]).
//! 4. A consumer acknowledges after the work, and drops an order that is done already ([`consumer`], [`ledger`]).
//!
//! Every application that must not lose messages needs points 3 and 4, with or without rotation.

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
