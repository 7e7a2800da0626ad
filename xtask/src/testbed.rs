//! `demo`, `up`, `bench`: build what they need, then become the testbed's own program.

use anyhow::{Context as _, Result};

use crate::kubernetes::{self, Building};
use crate::package::{self, Architecture};
use crate::{apt, disk, python, step, workspace};

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

/// Rotates a secret on a testbed of its own.
///
/// # Errors
/// When a part cannot be had or does not compile.
pub fn demo(arguments: &[String]) -> Result<()> {
    let without = arguments.iter().any(|argument| NO_KUBERNETES_IN.contains(&argument.as_str()));
    let kubernetes = if without { Kubernetes::NotNeeded } else { Kubernetes::Needed };
    become_testbed("demo", arguments, kubernetes, Profile::Dev, || Ok(()))
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
    prepare_for(|| Ok(brokers.to_vec()), kubernetes, Profile::Dev, first)
}

/// `brokers` is asked once the testbed is built, which may be what knows.
fn prepare_for(
    brokers: impl Fn() -> Result<Vec<Broker>>,
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
    for broker in brokers()? {
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
    let what = match profile {
        Profile::Dev => "build the functions and the testbed",
        Profile::Optimised => {
            "build the functions and the testbed, optimised (about 15 min on two cores, once)"
        }
    };
    step::quiet(what, &mut build, "mend the error above")
}

/// Who only asks for help waits for the build, but not for what the command itself needs; `more` is that
/// beyond the parts of every testbed.
fn become_testbed(
    command: &str,
    arguments: &[String],
    kubernetes: Kubernetes,
    profile: Profile,
    more: impl Fn() -> Result<()>,
) -> Result<()> {
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        build(Profile::Dev)?;
        return step::become_it(workspace::unowned(Profile::Dev.program()).arg(command).args(arguments));
    }
    let broker = || Ok(vec![broker_of(command, arguments, profile)?]);
    prepare_for(broker, kubernetes, profile, || Ok(()))?;
    more()?;
    step::become_it(workspace::unowned(profile.program()).arg(command).args(arguments))
}

/// The broker that the command will start. A wrong call ends here, with what the testbed says of it, before
/// anything is installed or built for it.
fn broker_of(command: &str, arguments: &[String], profile: Profile) -> Result<Broker> {
    let mut ask = workspace::program(profile.program());
    let answer = ask.args(["suite-of", command]).args(arguments).output()?;
    if !answer.status.success() {
        step::become_it(workspace::unowned(profile.program()).arg(command).args(arguments))?;
    }
    let suite = String::from_utf8_lossy(&answer.stdout);
    Broker::parse(suite.trim()).with_context(|| format!("no broker is known for `{}`", suite.trim()))
}
