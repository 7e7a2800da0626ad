//! What the user asked for. `cargo xtask` passes the arguments of these commands through, and shows their help from
//! `command-line/help` before anything is built.

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use proof::fault_matrix::Selection;
use testbed::broker::Suite;

use super::prove::Proof;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Makes RabbitMQ and the AWS emulator ready below target/testbed
    #[command(hide = true)]
    Install(Broker),
    /// Rotates a real RabbitMQ user, step by step, on a cloud of its own
    #[command(after_help = "\
The first run installs and builds what is missing, and says what. Kubernetes takes about ten minutes of it.
Ends with 0 if all checks held, 1 if one failed.")]
    Demo(Demo),
    /// Leaves a cloud with two secrets running and says how to use it; Ctrl-C ends it
    Up(Up),
    /// Lets a store trade through rotations under every policy, a restart of the broker and revocations
    #[command(hide = true)]
    ZeroLoss(ZeroLoss),
    /// Repeats a rotation and its delivery with every fault at each of their calls; then a store trades meanwhile
    #[command(after_help = "\
Each piece that ends is kept below target/proof for the commit: the same command continues after the last one.
With uncommitted changes nothing is kept. The table is written to target/proof.md.
Ends with 0 if everything held, 1 if something was violated, 3 if pieces are left.")]
    Prove(Prove),
    /// Measures time, memory, calls and size of the release build
    Bench(Bench),
}

/// Which RabbitMQ is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Broker {
    /// RabbitMQ 3.10 (bookworm), 4.0 (trixie, if none is named) or 4.3 (forky)
    #[arg(long, value_name = "RELEASE", value_parser = str::parse::<Suite>)]
    broker: Option<Suite>,
}

impl Broker {
    /// The Debian release that was named here or in the environment.
    ///
    /// # Errors
    /// When the environment names none that is known.
    pub fn suite(self) -> Result<Suite> {
        self.broker.map_or_else(Suite::from_environment, Ok)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Demo {
    /// What to show [if none is named: all]
    #[arg(value_enum)]
    scenario: Option<Scenario>,
    /// Leaves out what needs Kubernetes, which takes long to build
    #[arg(long)]
    without_kubernetes: bool,
    #[command(flatten)]
    pub broker: Broker,
}

/// What the demo shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// One secret, rotated twice
    Rotate,
    /// New credentials on their way to an application in Kubernetes
    Deliver,
    /// A rotation that fails, its alert, and the repair
    Fail,
    /// A secret that people rotate: announced, replaced by hand, delivered
    Overdue,
    /// A store that trades while its secrets rotate
    Store,
    /// All of them
    All,
    /// All but the rotations, which were shown before the cluster was built
    #[value(hide = true)]
    Rest,
}

impl Demo {
    /// What to show.
    pub fn scenario(self) -> Scenario {
        self.scenario.unwrap_or(Scenario::All)
    }

    /// Whether a cluster is started.
    ///
    /// # Errors
    /// When a scenario was named that needs one, which was to be left out.
    pub fn with_kubernetes(self) -> Result<bool, clap::Error> {
        let needed = matches!(
            self.scenario(),
            Scenario::Deliver | Scenario::Overdue | Scenario::Store | Scenario::Rest
        );
        if needed && self.without_kubernetes {
            let problem = "`demo deliver`, `demo overdue` and `demo store` need Kubernetes";
            return Err(clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, problem));
        }
        Ok(needed || self.scenario() == Scenario::All && !self.without_kubernetes)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Up {
    /// The port of the emulated AWS; a free one if none is named
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    #[command(flatten)]
    pub broker: Broker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct ZeroLoss {
    /// A short form of it
    #[arg(long)]
    pub short: bool,
    #[command(flatten)]
    pub broker: Broker,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Prove {
    /// Begins no further piece after N minutes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    minutes: Option<u16>,
    /// Forgets what was kept of this commit
    #[arg(long, conflicts_with_all = ["again", "short", "cells"])]
    fresh: bool,
    /// Repeats the pieces that were violated
    #[arg(long, conflicts_with_all = ["short", "cells"])]
    again: bool,
    /// The form that is among the tests; nothing is kept
    #[arg(long, conflicts_with = "cells")]
    short: bool,
    /// Only the cells whose coordinates contain TEXT; nothing is kept
    #[arg(long, value_name = "TEXT")]
    cells: Option<String>,
    #[command(flatten)]
    broker: Broker,
}

impl Prove {
    /// What to prove.
    ///
    /// # Errors
    /// When the environment names a broker that is not known.
    pub fn proof(self) -> Result<Proof> {
        let selection = match (self.cells, self.short) {
            (Some(text), _) => Selection::Matching(text),
            (None, true) => Selection::Short,
            (None, false) => Selection::All,
        };
        let (suite, minutes) = (self.broker.suite()?, self.minutes);
        Ok(Proof { suite, selection, minutes, fresh: self.fresh, again: self.again })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Bench {
    /// How many rotations are measured
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub rotations: u16,
    /// How many cold starts are measured
    #[arg(long, value_name = "N", default_value_t = 21, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub starts: u16,
    /// Among how many secrets rotation-watch is measured (10000: a quarter of an hour)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=50_000))]
    pub secrets: u16,
}

#[cfg(test)]
mod tests;
