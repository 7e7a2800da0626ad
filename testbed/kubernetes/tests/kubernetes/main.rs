//! The behaviour of a real cluster on which the product relies, and the guarantees of the testbed for a cluster.

mod life_cycle;
mod logins;
mod operator;
mod support;
mod volumes;
