//! The Rust and Python clients of `examples/clients`: a shortened form of `cargo xtask clients`, which runs all.
//!
//! It is a separate program with its own cloud, because the broker restarts during the test.

use anyhow::{Result, ensure};
use proof::clients::{self, Client, Plan};
use testbed::for_tests::{programs, start_cloud};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_loses_or_repeats_an_order_while_secrets_rotate_are_revoked_and_the_broker_restarts()
-> Result<()> {
    let mut cloud = start_cloud("clients").await?;
    let plan = Plan::short();
    let programs = programs()?;
    let progress = |line: &str| println!("{line}");
    let outcome = clients::run(&mut cloud, &programs, &Client::IN_EVERY_TEST, &plan, &progress).await?;
    println!("{}", outcome.to_markdown());
    ensure!(outcome.holds(), "{outcome:#?}");
    for ran in &outcome.clients {
        let expected = outcome.time.as_secs() * u64::from(plan.orders_per_second);
        ensure!(ran.tally.orders as u64 * 100 > expected * 80, "too few orders: {ran:#?}");
        // The broker may close a connection just before its client has replaced it.
        let (replaced, lost) = (ran.counts.replaced, ran.counts.lost);
        ensure!(replaced >= 1 && lost >= 2 && replaced + lost >= 4, "too few new connections: {ran:#?}");
    }
    Ok(())
}
