//! The commands of the playbooks, run from the pages themselves, in the order in which they stand there.

mod inline;
mod page;
mod rotation;
mod service;

pub use page::{Page, netrc};
