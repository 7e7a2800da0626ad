//! The command line of SecOps.
//!
//! Each command is a folder or file of its own: it reads what AWS knows, decides on data, acts, and shows the result. The
//! program stores nothing but the place where an interrupted revocation stands. It neither reads nor prints a credential.

#![expect(clippy::missing_errors_doc, reason = "every error is shown to the person who called the program")]

pub mod arguments;
pub mod ask;
pub mod aws;
pub mod context;
pub mod inspector;
pub mod outcome;
pub mod playbooks;
pub mod progress;
pub mod screen;
pub mod secret;

mod adopt;
mod deliver;
pub mod doctor;
mod due;
mod explain;
mod follow;
mod incident_function;
mod incidents;
mod inspect;
mod revoke;
mod rollback;
mod rotate;
mod run;
mod status;
mod texts;

pub use context::Context;
pub use outcome::{Outcome, Problem, Result};
pub use run::{failed, run};
