//! A private cloud on this machine, made of real parts: a RabbitMQ node, a Kubernetes API, and an emulated AWS that
//! runs the functions' real binaries. Nothing is installed system-wide and nothing listens beyond loopback.

pub mod aws;
pub mod broker;
pub mod certificates;
pub mod cloud;
pub mod cookie_store;
pub mod fault_proxy;
pub mod kubernetes;
pub mod management;
pub mod playbook;
pub mod ports;
pub mod process;
pub mod proof;
pub mod scratch;

pub use lapin;
pub mod tcp_proxy;
