//! The commands of the playbooks, run from the pages themselves, in the order in which they stand there.

mod inline;
mod rotation;
mod service;

use anyhow::Result;
use end_to_end::name;
use testbed::cloud::Cloud;
use testbed::playbook::Page;

/// A page in a folder of its own.
fn open(cloud: &Cloud, page: &str) -> Result<Page> {
    Page::open(cloud, page, &cloud.folder().join(name("playbook")))
}
