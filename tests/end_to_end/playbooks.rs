//! Runs the commands of the playbooks from the pages themselves, in the order of the page.

mod access;
mod broker;
mod rotation;
mod secops;
mod sentences;
mod service;

use anyhow::{Result, ensure};
use end_to_end::name;
use testbed::cloud::{Cloud, workspace};
use testbed::playbook::Page;

/// The pages whose blocks a test runs.
const RUN: [&str; 11] = [
    "admin-locked-out.md",
    "broker-lost.md",
    "delivery-failing.md",
    "leaked-credential.md",
    "out-of-use.md",
    "roll-back.md",
    "rotation-failing.md",
    "secret-due.md",
    "stuck-or-stale-pending-version.md",
    "unexpected-access.md",
    "when-nothing-works.md",
];

#[test]
fn there_is_no_page_whose_blocks_no_test_runs() -> Result<()> {
    let mut pages = Vec::new();
    for page in std::fs::read_dir(workspace().join("infra/playbooks"))? {
        pages.push(page?.file_name().to_string_lossy().into_owned());
    }
    pages.sort();
    ensure!(pages == RUN, "{pages:?}");
    Ok(())
}

/// A page in its own folder.
fn open(cloud: &Cloud, page: &str) -> Result<Page> {
    Page::open(cloud, page, &cloud.folder().join(name("playbook")))
}
