//! `prove`: the fault matrix and zero loss, as one table on the screen and in `target/proof.md`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use testbed::aws::Options;
use testbed::broker::Suite;
use testbed::cloud::workspace;
use testbed::cookie_store::zero_loss::{self, Plan, ZeroLoss};
use testbed::proof::{self, Matrix, Selection};

use super::report::{complain, say};
use super::{Started, functions_beside_this_program, store_beside_this_program};

/// Where the table goes, from the repository's root.
const TABLE: &str = "target/proof.md";

/// Runs the chosen cells and, unless only some were asked for, lets the store trade; whether all of it held.
pub async fn run(suite: Suite, selection: Selection) -> Result<bool> {
    say("The fault matrix ...");
    let (matrix, version) = run_matrix(suite, &selection).await?;
    let mut holds = matrix.holds();
    let mut text = format!(
        "# Proof, on RabbitMQ {version}\n\n## A fault at every call of a rotation and its delivery\n\n"
    );
    text += &format!("{}\ntook {}\n", matrix.to_markdown(), minutes(matrix.took));
    let plan = match selection {
        Selection::All => Some(Plan::full()),
        Selection::Short => Some(Plan::short()),
        Selection::Matching(_) => None,
    };
    if let Some(plan) = plan {
        say("Zero loss: the cookie store trades while its secrets rotate ...");
        let began = Instant::now();
        let outcome = run_store(suite, &plan).await;
        text += "\n## The cookie store trades while its secrets rotate\n\n";
        holds &= outcome.as_ref().is_ok_and(ZeroLoss::holds);
        // What the matrix has said is kept in any case.
        text += &outcome.map_or_else(|error| format!("FAILED: {error:#}"), |outcome| outcome.to_markdown());
        text += &format!("\n\ntook {}\n", minutes(began.elapsed()));
    }
    say(&format!("\n{text}"));
    std::fs::write(workspace().join(TABLE), text).context(TABLE)?;
    Ok(holds)
}

async fn run_matrix(suite: Suite, selection: &Selection) -> Result<(Matrix, String)> {
    let functions = functions_beside_this_program()?;
    let started = Started::new("prove", suite, functions, true, Options::default()).await?;
    let version = started.cloud.broker.version().to_owned();
    let matrix = proof::run(&started.cloud, selection, &complain).await;
    started.end(!matrix.as_ref().is_ok_and(Matrix::holds));
    Ok((matrix?, version))
}

/// On a cloud of its own, because the broker restarts.
async fn run_store(suite: Suite, plan: &Plan) -> Result<ZeroLoss> {
    let functions = functions_beside_this_program()?;
    let mut started = Started::new("zero-loss", suite, functions, true, Options::default()).await?;
    let outcome = zero_loss::run(&mut started.cloud, &store_beside_this_program()?, plan, &complain).await;
    started.end(!outcome.as_ref().is_ok_and(ZeroLoss::holds));
    outcome
}

fn minutes(time: Duration) -> String {
    format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60)
}
