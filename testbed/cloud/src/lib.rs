//! A private cloud on this machine, made of real parts: a RabbitMQ node, a Kubernetes API, and an emulated AWS that
//! runs the functions' real binaries. Nothing is installed system-wide and nothing listens beyond loopback.
//!
//! Each part is a crate of its own. This crate puts them together, and re-exports what tests use of them.

pub mod cloud;
pub mod for_tests;
pub mod playbook;

pub use broker::management;
pub use fault_proxy::tcp_proxy;
pub use sandbox::{certificates, ports, process, scratch};
pub use {aws, broker, fault_proxy, kubernetes, lapin};
