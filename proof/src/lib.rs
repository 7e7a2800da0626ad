//! The proof of two promises, on a whole cloud: a fault at any call breaks nothing ([`fault_matrix`]), and applications lose
//! no message while their secrets rotate ([`cookie_store::zero_loss`]).

pub mod cookie_store;
pub mod fault_matrix;
