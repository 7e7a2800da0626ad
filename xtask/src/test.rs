//! `test`: everything on the default broker, and what concerns the broker on the oldest one as well.

use anyhow::Result;

use crate::testbed::{self, Broker, Kubernetes};
use crate::{python, step, upgrade, workspace};

/// The end-to-end tests that concern the broker, by parts of their names.
const OF_THE_BROKER: [&str; 5] =
    ["bad_brokers::", "grants::", "rotation::", "stale_connections::", "strategies::"];

/// One test that waits for ever would hold the run, and whoever waits for it. The longest program takes about half of this.
const RUNNER: &str =
    r#"target.'cfg(unix)'.runner = ["timeout", "--foreground", "--verbose", "--signal=KILL", "50m"]"#;

/// Runs the tests; a part that is missing is installed, and one that cannot be had is an error.
///
/// # Errors
/// When a part is missing for good, or a test fails.
pub fn run(broker: Option<Broker>, forwarded: &[String]) -> Result<()> {
    let brokers = match broker {
        Some(one) => vec![one],
        None => vec![Broker::Trixie, Broker::Bookworm],
    };
    // The old functions have the names of today's, which are built after them.
    testbed::prepare(&brokers, Kubernetes::Needed, upgrade::prepare)?;
    // The tests call `cargo lambda watch` and `invoke`; zig must be the venv's own.
    let lambda = python::programs(&python::LAMBDA)?;
    let path = workspace::path_with(&lambda);

    let run = |broker: Broker, what: &str, targets: &[&str], forwarded: &[&str]| {
        let mut cargo = workspace::cargo();
        cargo.args(["test", "--workspace", "--no-fail-fast", "--config", RUNNER]).args(targets);
        cargo.env("TESTBED_BROKER", broker.suite()).env("PATH", &path);
        if !forwarded.is_empty() {
            cargo.arg("--").args(forwarded);
        }
        let next = "a test's own message is above; \
                    `cargo xtask test -- PART_OF_ITS_NAME --nocapture` repeats it alone";
        step::shown(&format!("{what}, RabbitMQ from {}", broker.suite()), &mut cargo, next)
    };
    let forwarded: Vec<&str> = forwarded.iter().map(String::as_str).collect();
    let end_to_end = if forwarded.is_empty() { OF_THE_BROKER.to_vec() } else { forwarded.clone() };
    for (turn, broker) in brokers.into_iter().enumerate() {
        if turn == 0 {
            run(broker, "all tests", &[], &forwarded)?;
        } else {
            // By their name: `tests/broker*.rs` of any crate.
            run(broker, "the broker tests", &["--test", "broker*"], &forwarded)?;
            run(broker, "rotations and bad brokers", &["--test", "end_to_end"], &end_to_end)?;
        }
    }
    Ok(())
}
