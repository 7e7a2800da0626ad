//! `prove`: runs the fault matrix and the zero-loss test, and writes one table to the screen and to `target/proof.md`.
//!
//! Each result is stored in `target/proof` for the commit and the broker. The next run continues from there.

mod commit;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use proof::cookie_store::zero_loss::{self, Plan, ZeroLoss};
use proof::fault_matrix::random::Tally;
use proof::fault_matrix::{self, Kept, Key, Matrix, Selection, Wanted, minutes};
use testbed::aws::Options;
use testbed::broker::Suite;
use testbed::cloud::workspace;

use super::report::{Verdict, complain, say};
use super::{Started, functions_beside_this_program, relative, store_beside_this_program};

/// The file of the table, relative to the repository's root.
const TABLE: &str = "target/proof.md";
/// The file of the sum of the random schedules, relative to the repository's root.
const RANDOM: &str = "target/random.md";
/// The folder of the stored results, relative to the repository's root.
const PIECES: &str = "target/proof";

/// What to prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The release of the broker.
    pub suite: Suite,
    /// The cells to run.
    pub selection: Selection,
    /// After this many minutes, no new piece starts.
    pub minutes: Option<u16>,
    /// Deletes the stored results first.
    pub fresh: bool,
    /// Repeats the pieces that failed.
    pub again: bool,
    /// Random schedules instead of the cells and the store.
    pub random: Option<Random>,
}

/// Random schedules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random {
    /// Their seeds.
    pub seeds: std::ops::Range<u64>,
    /// Only these parts of each.
    pub parts: Option<Vec<usize>>,
}

/// Runs the selected cells, then the store unless `--cells` is given. Skips the pieces with a stored result. Returns the
/// verdict about all pieces.
pub async fn run(proof: &Proof) -> Result<Verdict> {
    let limit = proof.minutes.map(|minutes| Duration::from_mins(minutes.into()));
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    let (mut kept, whose) = open(proof)?;
    if let Some(random) = &proof.random {
        return run_random(proof, random, until, &mut kept, &whose).await;
    }
    say("The fault matrix ...");
    let wanted = Wanted { selection: proof.selection.clone(), again: proof.again, until };
    let matrix = match fault_matrix::finished(&wanted, &kept) {
        Some(matrix) => matrix,
        None => run_matrix(proof.suite, &wanted, &mut kept).await?,
    };
    let is_over = until.is_some_and(|until| Instant::now() >= until);
    let plan = match &proof.selection {
        Selection::All => Some(Plan::full()),
        Selection::Short => Some(Plan::short()),
        Selection::Matching(_) => None,
    };
    if let Some(plan) = plan.as_ref().filter(|_| kept.pieces().store_is_left(proof.again) && !is_over) {
        // So that there is a table also if the store is interrupted.
        write_table(&to_markdown(&matrix, &kept, &whose))?;
        say("Zero loss: the cookie store runs while its secrets rotate ...");
        let began = Instant::now();
        let outcome = run_store(proof.suite, plan).await;
        let holds = outcome.as_ref().is_ok_and(ZeroLoss::holds);
        let text = outcome.map_or_else(|error| format!("FAILED: {error:#}"), |outcome| outcome.to_markdown());
        kept.add_trade(began, holds, text)?;
    }
    let text = to_markdown(&matrix, &kept, &whose);
    say(&format!("\n{text}"));
    write_table(&text)?;
    let verdict = judge([matrix_half(&matrix), store_half(&kept, plan.is_some())]);
    if verdict == Verdict::Unfinished {
        say("Some pieces were not run. Repeat the command to continue.");
    }
    Ok(verdict)
}

/// The stored results of this commit, and a sentence that names the commit.
fn open(proof: &Proof) -> Result<(Kept, String)> {
    let commit = commit::of(&workspace());
    let parts = proof.random.as_ref().and_then(|random| random.parts.as_ref());
    if proof.selection != Selection::All || parts.is_some() {
        let commit = commit.unwrap_or_else(|why| format!("none ({why})"));
        return Ok((Kept::nothing(), format!("a part of it; commit {commit}")));
    }
    let commit = match commit {
        Ok(commit) => commit,
        Err(why) => {
            complain(&format!(
                "the results of this run are not stored, and no earlier run is continued: {why}"
            ));
            return Ok((Kept::nothing(), format!("no commit: {why}")));
        }
    };
    let key = Key { commit, suite: proof.suite.name().to_owned() };
    let path = workspace().join(PIECES).join(format!("{}-{}.jsonl", key.commit, key.suite));
    let kept = Kept::open(&path, &key, proof.fresh)?;
    let (pieces, shown) = (kept.pieces(), relative(&path).display().to_string());
    complain(&match pieces.units.len() {
        0 => format!(
            "each result is stored in {shown}: if this run is interrupted, the next run continues there"
        ),
        units => {
            format!(
                "{units} faults at calls were run before ({shown}); `--fresh` deletes these results first"
            )
        }
    });
    Ok((kept, format!("commit {}", key.commit)))
}

/// The random schedules, added up over all runs of the commit.
async fn run_random(
    proof: &Proof,
    random: &Random,
    until: Option<Instant>,
    kept: &mut Kept,
    whose: &str,
) -> Result<Verdict> {
    say("Random schedules ...");
    let Random { seeds, parts } = random.clone();
    let wanted = fault_matrix::random::Wanted { seeds, parts, again: proof.again, until };
    let tally = match fault_matrix::random::finished(&wanted, kept) {
        Some(tally) => tally,
        None => {
            let functions = functions_beside_this_program()?;
            let started = Started::new("random", proof.suite, functions, true, Options::default()).await?;
            let tally = fault_matrix::random::run(&started.cloud, &wanted, kept, &complain).await;
            started.end(!tally.as_ref().is_ok_and(Tally::holds));
            tally?
        }
    };
    let broker = kept.pieces().heading.as_ref().map_or("?", |heading| heading.broker.as_str());
    let text = format!("# Random schedules, on RabbitMQ {broker}\n\n{whose}\n\n{}", tally.to_markdown());
    say(&format!("\n{text}"));
    std::fs::write(workspace().join(RANDOM), &text).context(RANDOM)?;
    Ok(match (tally.holds(), tally.left) {
        (false, _) => Verdict::Failed,
        (true, 0) => Verdict::Held,
        (true, _) => {
            say("Some schedules were not run. Repeat the command to continue.");
            Verdict::Unfinished
        }
    })
}

async fn run_matrix(suite: Suite, wanted: &Wanted, kept: &mut Kept) -> Result<Matrix> {
    let functions = functions_beside_this_program()?;
    let started = Started::new("prove", suite, functions, true, Options::default()).await?;
    let matrix = fault_matrix::run(&started.cloud, wanted, kept, &complain).await;
    started.end(!matrix.as_ref().is_ok_and(|matrix| matrix.violations.is_empty()));
    matrix
}

/// Starts a separate environment, because the broker restarts.
async fn run_store(suite: Suite, plan: &Plan) -> Result<ZeroLoss> {
    let functions = functions_beside_this_program()?;
    let mut started = Started::new("zero-loss", suite, functions, true, Options::default()).await?;
    let outcome = zero_loss::run(&mut started.cloud, &store_beside_this_program()?, plan, &complain).await;
    started.end(!outcome.as_ref().is_ok_and(ZeroLoss::holds));
    outcome
}

/// The state of one half of the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    /// All of its pieces passed.
    Held,
    /// A piece failed, or no cell was selected.
    Violated,
    /// Some pieces were not run yet.
    Left,
    /// It was not selected.
    NotWanted,
}

fn matrix_half(matrix: &Matrix) -> Half {
    if !matrix.violations.is_empty() || matrix.is_empty() {
        Half::Violated
    } else if matrix.is_whole() {
        Half::Held
    } else {
        Half::Left
    }
}

fn store_half(kept: &Kept, is_wanted: bool) -> Half {
    match kept.pieces().trades.last() {
        _ if !is_wanted => Half::NotWanted,
        Some(trade) if trade.holds => Half::Held,
        Some(_) => Half::Violated,
        None => Half::Left,
    }
}

/// A failed piece counts more than a piece that is left to run.
fn judge(halves: [Half; 2]) -> Verdict {
    if halves.contains(&Half::Violated) {
        Verdict::Failed
    } else if halves.contains(&Half::Left) {
        Verdict::Unfinished
    } else {
        Verdict::Held
    }
}

fn to_markdown(matrix: &Matrix, kept: &Kept, whose: &str) -> String {
    let pieces = kept.pieces();
    let broker = pieces.heading.as_ref().map_or("?", |heading| heading.broker.as_str());
    let mut text = format!("# Proof, on RabbitMQ {broker}\n\n{whose}\n");
    text += &format!("\n## A fault at every call of a rotation and its delivery\n\n{}", matrix.to_markdown());
    for (turn, trade) in pieces.trades.iter().enumerate() {
        text += "\n## The cookie store trades while its secrets rotate";
        text += if turn + 1 < pieces.trades.len() { ", before it was run again\n\n" } else { "\n\n" };
        text += &format!("{}\n\ntook {}\n", trade.text, minutes(Duration::from_millis(trade.took_ms)));
    }
    text
}

fn write_table(text: &str) -> Result<()> {
    std::fs::write(workspace().join(TABLE), text).context(TABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_counts_more_than_pieces_that_are_left_and_no_piece_holds_that_was_not_run() {
        use Half::{Held, Left, NotWanted, Violated};
        for (halves, expected) in [
            ([Held, Held], Verdict::Held),
            ([Held, NotWanted], Verdict::Held),
            ([Held, Left], Verdict::Unfinished),
            ([Left, Left], Verdict::Unfinished),
            ([Violated, Left], Verdict::Failed),
            ([Left, Violated], Verdict::Failed),
            ([Held, Violated], Verdict::Failed),
        ] {
            assert_eq!(judge(halves), expected, "{halves:?}");
        }
        assert_eq!(matrix_half(&Matrix::default()), Half::Violated, "no cell has the text of `--cells`");
        assert_eq!(store_half(&Kept::nothing(), true), Half::Left);
        assert_eq!(store_half(&Kept::nothing(), false), Half::NotWanted);
    }
}
