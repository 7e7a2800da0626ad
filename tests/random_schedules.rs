//! Random schedules: a shortened form of `cargo xtask prove --random`.
//!
//! It is a separate program with its own cloud, because the broker restarts during the test. It waits most of the time, so
//! `cargo xtask test` runs it beside the tests of the parts.

use anyhow::{Result, ensure};
use proof::fault_matrix::Kept;
use proof::fault_matrix::random::{self, Wanted};
use testbed::for_tests::start_cloud;

/// They take about three minutes on two busy cores.
const SCHEDULES: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_at_once_nothing_is_broken_and_the_rotation_converges() -> Result<()> {
    let cloud = start_cloud("random").await?;
    let wanted = Wanted { seeds: 1..SCHEDULES + 1, parts: None, again: false, until: None };
    let tally = random::run(&cloud, &wanted, &mut Kept::nothing(), &|line| println!("{line}")).await?;
    println!("{}", tally.to_markdown());
    ensure!(tally.holds() && tally.left == 0, "{:#?}", tally.violated);
    Ok(())
}
