//! What the product may rely on in a real cluster, and what the testbed promises about running one.

mod life_cycle;
mod logins;
mod operator;
mod support;
mod volumes;
