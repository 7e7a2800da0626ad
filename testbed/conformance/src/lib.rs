//! The rows of `testbed/aws/CONTRACT.md`, asked of a *judge*: a real account, our emulator, or moto's server.
//!
//! A row calls only public endpoints of AWS, so every judge that plays the services of the row can be asked. The
//! outcome of a run is written to `target/conformance.md`, and to the committed page `testbed/aws/CONFORMANCE.md`.
//!
//! What protects a real account:
//! - Preflight ([`preflight`]) refuses unless a person names the account.
//! - A line of the manifest is on disk before each create ([`manifest`]).
//! - Everything has the run's tag. The clean-up ([`cleanup`]) deletes nothing without it.
//! - The values of the probe secrets are no secrets, and even they are in no output.

pub mod arguments;
pub mod cleanup;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod contract;
pub mod emulator;
pub mod events;
pub mod manifest;
pub mod moto;
pub mod outcome;
pub mod page;
pub mod preflight;
pub mod price;
pub mod probe;
pub mod program;
pub mod rows;
pub mod run;
pub mod secret;
pub mod simulate;
pub mod stack;
pub mod target;
pub mod verdict;
pub mod zip;
