//! A private cloud on this machine: a real RabbitMQ node, a real Kubernetes API, and an AWS emulator that runs the
//! functions' own binaries. Nothing is installed system-wide, and every port is on loopback.
//!
//! Each part has its own crate. This crate combines them, and re-exports what tests use of them.

pub mod cloud;
pub mod for_tests;
pub mod playbook;
pub mod schema;

pub use broker::management;
pub use fault_proxy::tcp_proxy;
pub use sandbox::{certificates, ports, process, scratch};
pub use {aws, broker, fault_proxy, kubernetes, lapin};
