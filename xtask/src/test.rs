//! `test`: runs all tests on the default broker, and the tests of the broker on the oldest release, too.

use anyhow::{Result, bail};

use crate::testbed::{self, Broker, Kubernetes};
use crate::{python, step, upgrade, workspace};

/// Parts of the names of the end-to-end tests that concern the broker.
const OF_THE_BROKER: [&str; 5] =
    ["bad_brokers::", "grants::", "rotation::", "stale_connections::", "strategies::"];

/// The time limit of a test program, so that a test that waits forever does not block the run. The longest program takes
/// about half of this.
const RUNNER: &str =
    r#"target.'cfg(unix)'.runner = ["timeout", "--foreground", "--verbose", "--signal=KILL", "50m"]"#;

/// The argument of cargo that selects the end-to-end tests.
const END_TO_END: [&str; 2] = ["--test", "end_to_end"];
/// The variable for the number of tests that run at the same time.
const THREADS: &str = "RUST_TEST_THREADS";

/// The advice after a failure.
const NEXT: &str = "read the message of the failed test above; \
                    `cargo xtask test -- PART_OF_ITS_NAME --nocapture` repeats only this test";

/// Installs the missing parts and runs the tests.
///
/// # Errors
/// When a part cannot be installed, or a test fails.
pub fn run(broker: Option<Broker>, forwarded: &[String]) -> Result<()> {
    let brokers = match broker {
        Some(one) => vec![one],
        None => vec![Broker::Trixie, Broker::Bookworm],
    };
    // Build the old functions first, because today's functions have the same names and are built after them.
    testbed::prepare(&brokers, Kubernetes::Needed, upgrade::prepare)?;
    // The tests run the Rust and Python clients of `examples/clients`.
    python::programs(&python::CLIENTS)?;
    // The tests call `cargo lambda watch` and `invoke`. zig must come from the venv.
    let lambda = python::programs(&python::LAMBDA)?;
    let path = workspace::path_with(&lambda);

    let tests = |broker: Broker, targets: &[&str], forwarded: &[&str]| {
        let mut cargo = workspace::cargo();
        cargo.args(["test", "--workspace", "--no-fail-fast", "--config", RUNNER]).args(targets);
        cargo.env("TESTBED_BROKER", broker.suite()).env("PATH", &path);
        if targets == END_TO_END {
            cargo.env(THREADS, threads());
        }
        if !forwarded.is_empty() {
            cargo.arg("--").args(forwarded);
        }
        cargo
    };
    let run = |broker: Broker, what: &str, targets: &[&str], forwarded: &[&str]| {
        step::shown(&of(what, broker), &mut tests(broker, targets, forwarded), NEXT)
    };
    let forwarded: Vec<&str> = forwarded.iter().map(String::as_str).collect();
    let end_to_end = if forwarded.is_empty() { OF_THE_BROKER.to_vec() } else { forwarded.clone() };
    for (turn, broker) in brokers.into_iter().enumerate() {
        if turn == 0 {
            // The schedules mostly wait for restarts, so other tests run meanwhile.
            let mut schedules = tests(broker, &["--test", "random_schedules"], &forwarded);
            step::several_at_once();
            let (parts, schedules) = std::thread::scope(|scope| {
                let what = of("random schedules", broker);
                let beside = scope.spawn(move || step::quiet(&what, &mut schedules, NEXT));
                let parts = run(broker, "the tests of the parts", &["--exclude", "end-to-end"], &forwarded);
                (parts, beside.join().unwrap_or_else(|_| bail!("the random schedules panicked")))
            });
            // Also after a failure: whoever mends it wants to know everything.
            let whole = run(broker, "the end-to-end tests", &END_TO_END, &forwarded);
            parts.and(schedules).and(whole)?;
        } else {
            // The test programs `tests/broker*.rs` of all crates.
            run(broker, "the broker tests", &["--test", "broker*"], &forwarded)?;
            run(broker, "rotations and bad brokers", &END_TO_END, &end_to_end)?;
        }
    }
    Ok(())
}

fn of(what: &str, broker: Broker) -> String {
    format!("{what}, RabbitMQ from {}", broker.suite())
}

/// End-to-end tests mostly wait for other processes, so there are two for each core. One emulator serves all of them, so
/// there are not more than twelve. The argument `--test-threads` of the tests is stronger.
fn threads() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (2 * cores).min(12).to_string()
}
