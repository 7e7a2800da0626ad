//! `test`: everything on the default broker, and the broker tests on the oldest one as well.

use anyhow::Result;

use crate::testbed::{self, Broker, Kubernetes};
use crate::{python, step, workspace};

/// Runs the tests; a part that is missing is installed, and one that cannot be had is an error.
///
/// # Errors
/// When a part is missing for good, or a test fails.
pub fn run(broker: Option<Broker>, forwarded: &[String]) -> Result<()> {
    let brokers = match broker {
        Some(one) => vec![one],
        None => vec![Broker::Trixie, Broker::Bookworm],
    };
    testbed::prepare(&brokers, Kubernetes::Needed)?;
    // The tests call `cargo lambda watch` and `invoke`; zig must be the venv's own.
    let lambda = python::programs(&python::LAMBDA)?;
    let path = workspace::path_with(&lambda);

    for (turn, broker) in brokers.iter().enumerate() {
        let suite = broker.suite();
        let mut cargo = workspace::cargo();
        cargo.args(["test", "--workspace", "--no-fail-fast"]).env("TESTBED_BROKER", suite).env("PATH", &path);
        let what = if turn == 0 {
            format!("all tests, RabbitMQ from {suite}")
        } else {
            // By their name: `tests/broker*.rs` of any crate.
            cargo.args(["--test", "broker*"]);
            format!("the broker tests, RabbitMQ from {suite}")
        };
        if !forwarded.is_empty() {
            cargo.arg("--").args(forwarded);
        }
        let next = "a test's own message is above; \
                    `cargo xtask test -- PART_OF_ITS_NAME --nocapture` repeats it alone";
        step::shown(&what, &mut cargo, next)?;
    }
    Ok(())
}
