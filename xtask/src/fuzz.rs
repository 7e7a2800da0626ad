//! `fuzz`: runs every parser on many hostile inputs, in the optimised profile, and writes their figures.
//!
//! The inputs and the rules are in `proof/hostile`. Each crate has the tests of its own parsers, whose names begin with
//! `hostile_input_`. `test` runs the same tests with fewer inputs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{step, workspace};

/// The crates with parsers.
const CRATES: [&str; 10] = [
    "contract",
    "rotation-mq",
    "broker-user",
    "secret2eks",
    "dlq-handler",
    "rotation-watch",
    "secops",
    "command-line",
    "xtask",
    "cookie-store",
];
/// The beginning of the names of the tests.
const TESTS: &str = "hostile_input_";
/// The folder of the figures, one file for each target, relative to the folder for build results.
const FIGURES: &str = "fuzz";
/// The file of the table, relative to the repository's root.
const TABLE: &str = "target/fuzz.md";
const HEAD: &str = "\
| parser | inputs | seed | kept inputs | canary | refused | largest input | slowest, CPU time | longest report | memory of the program | took |
|:--|--:|--:|--:|:--|--:|--:|--:|--:|--:|--:|
";
/// The CPU time of one input in milliseconds. An input of 686 KB takes up to 460 ms on a busy machine.
const MILLIS: &str = "2000";

/// The arguments of `fuzz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The number of inputs for each parser.
    pub inputs: u64,
    /// The seed.
    pub seed: u64,
    /// A part of the name of a parser. None: all parsers.
    pub target: Option<String>,
}

impl Default for Wanted {
    /// A long run.
    fn default() -> Self {
        Self { inputs: 1_000_000, seed: 1, target: None }
    }
}

/// Runs the parsers and writes the table.
///
/// # Errors
/// When an input breaks a rule, or no parser has the name.
pub fn run(wanted: &Wanted) -> Result<()> {
    let folder = workspace::target().join(FIGURES);
    if folder.exists() {
        fs::remove_dir_all(&folder).context("the figures of an earlier run cannot be removed")?;
    }
    fs::create_dir_all(&folder).context("there is no folder for the figures")?;
    let began = Instant::now();
    let mut cargo = workspace::cargo();
    cargo.args([
        "test",
        "--locked",
        "--profile",
        "optimised",
        "--no-fail-fast",
        "--lib",
        "--bins",
        "--test",
        "hostile*",
    ]);
    for name in CRATES {
        cargo.args(["--package", name]);
    }
    let part = wanted.target.as_deref().unwrap_or_default().replace('-', "_");
    // The name of a test has the name of its parser at its beginning.
    cargo.args(["--", &format!("{TESTS}{part}")]);
    cargo.env("HOSTILE_INPUTS", wanted.inputs.to_string()).env("HOSTILE_SEED", wanted.seed.to_string());
    cargo.env("HOSTILE_MILLIS", MILLIS).env("HOSTILE_FIGURES", &folder);
    let next = "the message of the failed test names the rule, the input, and the file that keeps it";
    let outcome = step::shown("hostile input", &mut cargo, next);
    let (rows, notes) = (texts(&folder, "md")?, texts(&folder, "txt")?);
    if rows.is_empty() && notes.is_empty() && outcome.is_ok() {
        bail!("no parser has a name that begins with `{}`", wanted.target.as_deref().unwrap_or_default());
    }
    let table = format!(
        "{}\n{HEAD}{}\n{}",
        heading(wanted, began.elapsed().as_secs()),
        rows.concat(),
        notes.concat()
    );
    fs::write(workspace::root().join(TABLE), &table).context(TABLE)?;
    eprintln!("\n{table}\nwritten to {TABLE}");
    outcome
}

fn heading(wanted: &Wanted, seconds: u64) -> String {
    let commit = workspace::output(workspace::program("git").args(["rev-parse", "--verify", "HEAD"]));
    let commit = commit.unwrap_or_else(|_| "unknown".to_owned());
    let changes = workspace::output(workspace::program("git").args(["status", "--porcelain"]));
    let clean =
        if changes.is_ok_and(|changes| changes.is_empty()) { "" } else { ", with uncommitted changes" };
    let Wanted { inputs, seed, .. } = wanted;
    format!(
        "# Hostile input\n\ncommit {}{clean}; {inputs} inputs for each parser, seed {seed}; {} min {} s\n",
        commit.trim(),
        seconds / 60,
        seconds % 60
    )
}

/// The texts with this ending, in the order of their names: `md` for the rows of parsers, `txt` for sentences.
fn texts(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).context("the figures cannot be read")?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == ending));
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).context("a figure cannot be read")).collect()
}
