//! A fault at every kind of call: a shortened form of `cargo xtask prove`'s first half.
//!
//! It is a separate program with its own cloud. Its time limits are short, and other tests would delay its calls.

use anyhow::{Result, ensure};
use proof::fault_matrix::{self, Kept, Selection, Wanted};
use testbed::for_tests::start_cloud;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_at_whatever_call_nothing_is_broken_and_the_next_attempt_converges() -> Result<()> {
    let cloud = start_cloud("proof").await?;
    let wanted = Wanted::from(Selection::Short);
    let matrix = fault_matrix::run(&cloud, &wanted, &mut Kept::nothing(), &|line| println!("{line}")).await?;
    println!("{}", matrix.to_markdown());
    ensure!(matrix.holds(), "{:#?}", matrix.violations);
    Ok(())
}
