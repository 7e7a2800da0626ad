//! The broker and the store of the random schedules.

pub mod broker;
pub mod store;
