//! The command line. `cargo xtask` passes the arguments of these commands through. It shows their help from
//! `command-line/help` and builds nothing for that.

mod clients;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use proof::fault_matrix::Selection;
use testbed::broker::Suite;

pub use self::clients::Clients;
use super::prove::{Proof, Random};

/// The whole command line.
#[derive(Debug, Parser)]
// With a fixed width, the help is the stored one whatever features clap has and however wide the terminal is.
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true, term_width = 120)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Installs RabbitMQ and the AWS emulator in target/testbed
    #[command(hide = true)]
    Install(Broker),
    /// Deploys the templates that `cargo xtask cdk` has synthesized, from the creation of the stack to its deletion
    #[command(hide = true)]
    Application(Application),
    /// Rotates a real RabbitMQ user in a local test environment and shows each step
    #[command(after_help = "\
The first run installs and builds what is missing, and prints its progress.
The build of Kubernetes takes about ten minutes.
Exit code: 0 if all checks passed, 1 if a check failed.")]
    Demo(Demo),
    /// Starts a local test environment with two secrets, prints commands to try, and runs until Ctrl-C
    Up(Up),
    /// Runs the example store during rotations with every policy, a restart of the broker and revocations
    #[command(hide = true)]
    ZeroLoss(ZeroLoss),
    /// Tests a rotation and its delivery with every fault at each call, then tests an example store during rotations
    #[command(after_help = "\
The result of each piece is stored for the commit in target/proof.
If you repeat the command, it continues after the last stored piece.
If there are uncommitted changes, no results are stored. The table is written to target/proof.md.
Random schedules are pieces, too: the results of all seeds are added up in target/random.md.
Exit code: 0 if all pieces passed, 1 if a piece failed, 3 if pieces are left to run.")]
    Prove(Prove),
    /// Runs the clients of examples/clients while their secrets rotate, and compares the ledgers of each
    #[command(after_help = "\
The first run installs the toolchains of the chosen clients and builds them in target/clients.
Exit code: 0 if no client lost or repeated an order, 1 if one did or could not run.")]
    Clients(Clients),
    /// Measures the time, memory, calls and price of the release builds, at the share of a core that Lambda gives them
    #[command(after_help = "\
A CPU control group gives each process its share of a core. Where none can be made, only whole cores are measured.
A Python function in bench/peer rotates the same secrets, to compare with. Exit code: 0, also if an aim is not met.")]
    Bench(Bench),
}

/// The RabbitMQ release to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Broker {
    /// RabbitMQ 3.10 (bookworm), 4.0 (trixie, the default) or 4.3 (forky)
    #[arg(long, value_name = "RELEASE", value_parser = str::parse::<Suite>)]
    broker: Option<Suite>,
}

impl Broker {
    /// The Debian release from the arguments or from the environment.
    ///
    /// # Errors
    /// When the environment names an unknown release.
    pub fn suite(self) -> Result<Suite> {
        self.broker.map_or_else(Suite::from_environment, Ok)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Application {
    /// The template that keeps the secret and the users when its stack is deleted
    pub kept: PathBuf,
    /// The template that does not keep them
    pub removed: PathBuf,
    #[command(flatten)]
    pub broker: Broker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Demo {
    /// The scenario to show [default: all]
    #[arg(value_enum)]
    scenario: Option<Scenario>,
    /// Omits the scenarios that need Kubernetes. The build of Kubernetes takes about ten minutes
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
    /// The delivery of new credentials to an application in Kubernetes
    Deliver,
    /// A rotation that fails, its alert and the repair
    Fail,
    /// A secret that people rotate: the reminder, the new value and its delivery
    Overdue,
    /// A store that processes orders while its secrets rotate
    Store,
    /// Leaked credentials, cut off with the command line of SecOps alone
    Secops,
    /// A store from one deployment: its first rotations, an update and the deletion
    Onboard,
    /// All scenarios
    All,
    /// All scenarios except the rotations, which `cargo xtask` shows before it builds Kubernetes
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
    /// When the scenario needs Kubernetes and `--without-kubernetes` is given.
    pub fn with_kubernetes(self) -> Result<bool, clap::Error> {
        let needed = matches!(
            self.scenario(),
            Scenario::Deliver
                | Scenario::Overdue
                | Scenario::Store
                | Scenario::Secops
                | Scenario::Onboard
                | Scenario::Rest
        );
        if needed && self.without_kubernetes {
            let problem = "`demo deliver`, `demo overdue`, `demo store`, `demo secops` and `demo onboard` need Kubernetes";
            return Err(clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, problem));
        }
        Ok(needed || self.scenario() == Scenario::All && !self.without_kubernetes)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Up {
    /// The port of the emulated AWS [default: a free port]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    #[command(flatten)]
    pub broker: Broker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct ZeroLoss {
    /// Runs the short form
    #[arg(long)]
    pub short: bool,
    #[command(flatten)]
    pub broker: Broker,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Prove {
    /// Starts no new piece after N minutes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    minutes: Option<u16>,
    /// Deletes the stored results of this commit first
    #[arg(long, conflicts_with_all = ["again", "short", "cells"])]
    fresh: bool,
    /// Repeats the pieces that failed
    #[arg(long, conflicts_with_all = ["short", "cells"])]
    again: bool,
    /// Runs the short form that the tests use, and stores no results
    #[arg(long, conflicts_with = "cells")]
    short: bool,
    /// Runs only the cells whose coordinates contain TEXT, and stores no results
    #[arg(long, value_name = "TEXT")]
    cells: Option<String>,
    /// Runs N random schedules instead: several faults at once, restarts of parts, and people in between
    #[arg(long, value_name = "N", conflicts_with_all = ["short", "cells"], value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    random: Option<u32>,
    /// The seed of the first random schedule. The others have the seeds that follow
    #[arg(long, value_name = "S", default_value_t = 1, requires = "random", value_parser = clap::value_parser!(u64).range(..=u64::MAX / 2))]
    seed: u64,
    /// Runs only these parts of each random schedule, and stores no results
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', requires = "random")]
    parts: Option<Vec<usize>>,
    #[command(flatten)]
    broker: Broker,
}

impl Prove {
    /// What to prove.
    ///
    /// # Errors
    /// When the environment names an unknown release of the broker.
    pub fn proof(self) -> Result<Proof> {
        let selection = match (self.cells, self.short) {
            (Some(text), _) => Selection::Matching(text),
            (None, true) => Selection::Short,
            (None, false) => Selection::All,
        };
        let random = self.random.map(|count| Random {
            seeds: self.seed..self.seed.saturating_add(count.into()),
            parts: self.parts,
        });
        let (suite, minutes) = (self.broker.suite()?, self.minutes);
        Ok(Proof { suite, selection, minutes, fresh: self.fresh, again: self.again, random })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Bench {
    /// The number of rotations of each kind: warm and first, with each memory size
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub rotations: u16,
    /// The number of cold starts of each function
    #[arg(long, value_name = "N", default_value_t = 21, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub starts: u16,
    /// The number of secrets to measure rotation-watch with (10000 secrets take 15 minutes)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=50_000))]
    pub secrets: u16,
    /// The number of secrets that are rotated at the same time, under the quotas of AWS (0: no such storm)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub storm: u16,
    /// Measures only this: N secrets of customers, ten in a namespace, created, changed, reconciled and offboarded (0: none).
    /// 100 take two minutes, and 10000 more than an hour
    #[arg(
        long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=20_000),
        conflicts_with_all = ["rotations", "starts", "secrets", "storm", "kubernetes"]
    )]
    pub tenants: u16,
    /// Measures the way into a Kubernetes cluster, too. The build of Kubernetes takes about ten minutes
    #[arg(long)]
    pub kubernetes: bool,
    /// Writes docs/src/performance.md with its plot, and README's lines about speed
    #[arg(long)]
    pub report: bool,
}

impl Bench {
    /// The command that repeats the run. Options with their defaults are left out.
    pub fn command(&self) -> String {
        let mut command = String::from("cargo xtask bench");
        let numbers = [
            ("--rotations", self.rotations, 20),
            ("--starts", self.starts, 21),
            ("--secrets", self.secrets, 0),
            ("--storm", self.storm, 0),
            ("--tenants", self.tenants, 0),
        ];
        for (name, value, _) in numbers.into_iter().filter(|(_, value, default)| value != default) {
            command += &format!(" {name} {value}");
        }
        for (name, _) in
            [("--kubernetes", self.kubernetes), ("--report", self.report)].iter().filter(|(_, set)| *set)
        {
            command += &format!(" {name}");
        }
        command
    }
}

#[cfg(test)]
mod tests;
