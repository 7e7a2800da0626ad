//! `demo`, `up`, `bench`: build what they need, then become the testbed's own program.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::kubernetes::{self, Building};
use crate::package::{self, Architecture};
use crate::{apt, disk, pass_through, python, step, workspace};

/// Names the broker where no argument does.
const VARIABLE: &str = "TESTBED_BROKER";
/// Free GB for a first build: Go's caches while they last, what cargo builds, and the logs of a run.
const FIRST_BUILD: u64 = 16;
/// Free GB for all other runs.
const LATER_RUN: u64 = 4;

/// RabbitMQ as a Debian suite carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broker {
    /// 3.10
    Bookworm,
    /// 4.0
    Trixie,
    /// 4.3
    Forky,
}

impl Broker {
    /// The suite's name, if it is one of ours.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Bookworm, Self::Trixie, Self::Forky].into_iter().find(|broker| broker.suite() == name)
    }

    /// The name that the testbed and Debian know it by.
    pub fn suite(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Forky => "forky",
        }
    }
}

/// Whether a command needs the Kubernetes part, which takes long to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kubernetes {
    Needed,
    NotNeeded,
}

/// How the functions and the testbed are built, by cargo's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As the tests use them.
    Dev,
    /// So that ten thousand invocations take half of the time.
    Optimised,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Optimised => "optimised",
        }
    }

    /// The testbed's own program, beside which it finds the functions.
    fn program(self) -> std::path::PathBuf {
        let folder = match self {
            Self::Dev => "debug",
            Self::Optimised => "optimised",
        };
        workspace::target().join(folder).join("testbed")
    }
}

/// Arguments of `demo` that leave Kubernetes out, or name a part without it.
const NO_KUBERNETES_IN: [&str; 3] = ["--without-kubernetes", "rotate", "fail"];
/// Arguments of `demo` that name a part with Kubernetes.
const KUBERNETES_IN: [&str; 3] = ["deliver", "overdue", "store"];

/// Rotates a secret on a testbed of its own. The first time, two rotations are shown before Kubernetes is built.
///
/// # Errors
/// When a part cannot be had or does not compile.
pub fn demo(arguments: &[String]) -> Result<()> {
    let has = |words: &[&str]| arguments.iter().any(|argument| words.contains(&argument.as_str()));
    if has(&NO_KUBERNETES_IN) {
        return become_testbed("demo", arguments, Kubernetes::NotNeeded, Profile::Dev, || Ok(()));
    }
    if has(&KUBERNETES_IN) || kubernetes::is_complete()? {
        return become_testbed("demo", arguments, Kubernetes::Needed, Profile::Dev, || Ok(()));
    }
    let broker = broker_of(arguments)?;
    prepare(&[broker], Kubernetes::NotNeeded, || Ok(()))?;
    let mut rotate = workspace::program(Profile::Dev.program());
    rotate.args(["demo", "rotate", "--broker", broker.suite()]);
    step::shown("demo rotate", &mut rotate, "the logs are where the line above says")?;
    eprintln!("\nWhat else there is to see needs a cluster, which is built now, once. Ctrl-C ends it here.");
    let rest = ["rest", "--broker", broker.suite()].map(str::to_owned);
    become_testbed("demo", &rest, Kubernetes::Needed, Profile::Dev, || Ok(()))
}

/// Leaves a testbed running until Ctrl-C.
///
/// # Errors
/// As [`demo`].
pub fn up(arguments: &[String]) -> Result<()> {
    become_testbed("up", arguments, Kubernetes::NotNeeded, Profile::Dev, || {
        // For `cargo lambda watch` and `invoke` against it.
        python::programs(&python::LAMBDA).map(|_| ())
    })
}

/// Measures the release build.
///
/// # Errors
/// As [`demo`].
pub fn bench(arguments: &[String]) -> Result<()> {
    become_testbed("bench", arguments, Kubernetes::NotNeeded, Profile::Dev, || {
        package::run(Some(Architecture::of_this_machine()))
    })
}

/// Runs the fault matrix and zero loss.
///
/// # Errors
/// As [`demo`].
pub fn prove(arguments: &[String]) -> Result<()> {
    become_testbed("prove", arguments, Kubernetes::Needed, Profile::Optimised, || Ok(()))
}

/// Installs the parts that the testbed starts: Debian programs, the brokers, the AWS emulator, Kubernetes. `first` is built
/// before all other programs.
///
/// # Errors
/// When one of them cannot be had.
pub fn prepare(brokers: &[Broker], kubernetes: Kubernetes, first: impl Fn() -> Result<()>) -> Result<()> {
    prepare_for(brokers, kubernetes, Profile::Dev, first)
}

fn prepare_for(
    brokers: &[Broker],
    kubernetes: Kubernetes,
    profile: Profile,
    first: impl Fn() -> Result<()>,
) -> Result<()> {
    let is_first = kubernetes == Kubernetes::Needed && !kubernetes::is_complete()?;
    disk::ensure_free(if is_first { FIRST_BUILD } else { LATER_RUN })?;
    apt::ensure(&apt::BROKER)?;
    // Beside cargo and the downloads, which it outlasts by far.
    let building = match kubernetes {
        Kubernetes::Needed => Some(Building::start()?),
        Kubernetes::NotNeeded => None,
    };
    first()?;
    build(profile)?;
    for broker in brokers {
        let mut install = workspace::program(profile.program());
        install.args(["install", "--broker", broker.suite()]);
        step::quiet(
            &format!("install RabbitMQ from {} and the AWS emulator", broker.suite()),
            &mut install,
            "check that apt and pip reach their mirrors, then repeat the command",
        )?;
    }
    building.map_or(Ok(()), Building::wait)
}

/// Builds the functions, the testbed and the cookie store.
///
/// # Errors
/// When they do not compile.
pub fn build(profile: Profile) -> Result<()> {
    let mut build = workspace::cargo();
    build.args([
        "build",
        "--profile",
        profile.name(),
        "--package",
        "command-line",
        "--package",
        "cookie-store",
    ]);
    for function in package::FUNCTIONS {
        build.args(["--package", function]);
    }
    let (what, usual) = match profile {
        Profile::Dev => ("build the functions and the testbed", Duration::from_mins(4)),
        Profile::Optimised => ("build the functions and the testbed, optimised", Duration::from_mins(15)),
    };
    let next = "fix the error above";
    // Only the first build of a profile compiles every dependency.
    if profile.program().is_file() {
        step::quiet(what, &mut build, next)
    } else {
        step::long(what, usual, &mut build, next)
    }
}

/// `more` is what the command itself needs, beyond the parts of every testbed.
fn become_testbed(
    command: &str,
    arguments: &[String],
    kubernetes: Kubernetes,
    profile: Profile,
    more: impl Fn() -> Result<()>,
) -> Result<()> {
    prepare_for(&[broker_of(arguments)?], kubernetes, profile, || Ok(()))?;
    more()?;
    step::become_it(workspace::unowned(profile.program()).arg(command).args(arguments))
}

/// The broker that the command will start: the argument, the variable, or the default of the testbed.
fn broker_of(arguments: &[String]) -> Result<Broker> {
    if let Some(broker) = pass_through::broker(arguments) {
        return Ok(broker);
    }
    let Some(name) = std::env::var_os(VARIABLE) else {
        return Ok(Broker::Trixie);
    };
    let name = name.to_string_lossy();
    Broker::parse(&name).with_context(|| format!("{VARIABLE} is `{name}`: set bookworm, trixie or forky"))
}
