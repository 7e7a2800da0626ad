//! The cookie store keeps trading: a shortened form of `cargo xtask prove`'s second half.
//!
//! It is a separate program with its own cloud, because the broker restarts during the test.

use anyhow::{Result, ensure};
use proof::cookie_store::zero_loss::{self, Plan};
use testbed::for_tests::{programs, start_cloud};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_is_lost_or_done_twice_while_secrets_rotate_are_revoked_and_the_broker_restarts()
-> Result<()> {
    let mut cloud = start_cloud("cookie-store").await?;
    let program = programs()?.join("cookie-store");
    let plan = Plan::short();
    let outcome = zero_loss::run(&mut cloud, &program, &plan, &|row| println!("{row}")).await?;
    println!("{}", outcome.to_markdown());
    ensure!(outcome.holds(), "{outcome:#?}");
    for played in &outcome.scenes {
        let expected = played.time.as_secs() * u64::from(plan.orders_per_second);
        ensure!(played.orders as u64 * 100 > expected * 90, "too few orders: {played:#?}");
        ensure!(
            played.counts.replaced + played.counts.lost >= 3,
            "no service opened a new connection: {played:#?}"
        );
    }
    Ok(())
}
