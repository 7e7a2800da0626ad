//! The proof of three guarantees, on a whole cloud. A fault at any call breaks nothing ([`fault_matrix`]). Applications
//! lose no message while their secrets rotate ([`cookie_store::zero_loss`]). Neither do applications with other clients
//! ([`clients`]).

pub mod clients;
pub mod cookie_store;
pub mod fault_matrix;
