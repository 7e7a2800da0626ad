//! The command line `secops` on the deployed stack. `playbooks/secops.rs` runs the commands that the playbooks name.

mod commands;
mod phases;
pub mod program;
mod screen;
mod terminal;
