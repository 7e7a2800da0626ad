//! `demo`, `up`, `bench` and `prove`: build what they need, then start the testbed's program.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::kubernetes::{self, Building};
use crate::package::{self, Architecture};
use crate::{apt, disk, pass_through, python, step, workspace};

/// The variable that names the broker if no argument does.
const VARIABLE: &str = "TESTBED_BROKER";
/// The free GB for a first build: Go's caches, the results of cargo, and the logs of a run.
const FIRST_BUILD: u64 = 16;
/// The free GB for all other runs.
const LATER_RUN: u64 = 4;

/// RabbitMQ from a Debian release.
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
    /// The broker of a Debian release that the testbed supports.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Bookworm, Self::Trixie, Self::Forky].into_iter().find(|broker| broker.suite() == name)
    }

    /// The name of the Debian release.
    pub fn suite(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Forky => "forky",
        }
    }
}

/// Whether a command needs the Kubernetes part. Its build takes about ten minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kubernetes {
    Needed,
    NotNeeded,
}

/// The cargo profile for the functions and the testbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The profile of the tests.
    Dev,
    /// Halves the time of ten thousand invocations.
    Optimised,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Optimised => "optimised",
        }
    }

    /// The path of the testbed's program. The functions are in the same folder.
    fn program(self) -> std::path::PathBuf {
        let folder = match self {
            Self::Dev => "debug",
            Self::Optimised => "optimised",
        };
        workspace::target().join(folder).join("testbed")
    }
}

/// Arguments of `demo` that omit Kubernetes, or name a scenario without it.
const NO_KUBERNETES_IN: [&str; 3] = ["--without-kubernetes", "rotate", "fail"];
/// Arguments of `demo` that name a scenario with Kubernetes.
const KUBERNETES_IN: [&str; 5] = ["deliver", "overdue", "store", "onboard", "secops"];

/// Runs the demo. The first time, it shows two rotations before it builds Kubernetes.
///
/// # Errors
/// When a part cannot be installed or does not compile.
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
    step::shown("demo rotate", &mut rotate, "read the logs in the folder that the line above names")?;
    eprintln!(
        "\nThe other scenarios need Kubernetes. Its first build starts now and takes about ten minutes. To stop, press Ctrl-C."
    );
    let rest = ["rest", "--broker", broker.suite()].map(str::to_owned);
    become_testbed("demo", &rest, Kubernetes::Needed, Profile::Dev, || Ok(()))
}

/// Leaves a testbed running until Ctrl-C.
///
/// # Errors
/// As [`demo`].
pub fn up(arguments: &[String]) -> Result<()> {
    become_testbed("up", arguments, Kubernetes::NotNeeded, Profile::Dev, || {
        // For `cargo lambda watch` and `invoke`.
        python::programs(&python::LAMBDA).map(|_| ())
    })
}

/// Measures the release builds, beside a Python function and a function that does nothing.
///
/// # Errors
/// As [`demo`].
pub fn bench(arguments: &[String]) -> Result<()> {
    let mut names = arguments.iter().filter_map(|argument| argument.split('=').next());
    let has_cluster = names.any(|name| ["--kubernetes", "--tenants"].contains(&name));
    let kubernetes = if has_cluster { Kubernetes::Needed } else { Kubernetes::NotNeeded };
    become_testbed("bench", arguments, kubernetes, Profile::Dev, || {
        package::run(Some(Architecture::of_this_machine()))?;
        package::empty_function()?;
        python::programs(&python::BENCH_PEER).map(|_| ())
    })
}

/// Runs the fault matrix and the zero-loss test.
///
/// # Errors
/// As [`demo`].
pub fn prove(arguments: &[String]) -> Result<()> {
    become_testbed("prove", arguments, Kubernetes::Needed, Profile::Optimised, || Ok(()))
}

/// Runs the clients of `examples/clients`. `build` builds them.
///
/// # Errors
/// As [`demo`], and when a client cannot be built.
pub fn clients(arguments: &[String], build: impl Fn() -> Result<()>) -> Result<()> {
    become_testbed("clients", arguments, Kubernetes::Needed, Profile::Dev, build)
}

/// Deploys the templates of `examples/cdk`, from the creation of the stack to its deletion.
///
/// # Errors
/// As [`demo`].
pub fn application(kept: &Path, removed: &Path) -> Result<()> {
    let templates = [kept, removed].map(|template| template.display().to_string());
    become_testbed("application", &templates, Kubernetes::NotNeeded, Profile::Dev, || Ok(()))
}

/// Installs the parts that the testbed starts: Debian programs, the brokers, the AWS emulator, Kubernetes. Calls `first`
/// before it builds all other programs.
///
/// # Errors
/// When one of them cannot be installed.
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
    // The build of Kubernetes takes longer than cargo and the downloads, so it runs in parallel.
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

/// The arguments that select the functions, the testbed, the Rust examples and the command line `secops`.
#[must_use]
pub fn packages() -> Vec<&'static str> {
    let others = ["command-line", "cookie-store", "lapin-client", "secops"];
    others.into_iter().chain(package::FUNCTIONS).flat_map(|name| ["--package", name]).collect()
}

/// Builds what [`packages`] selects.
///
/// # Errors
/// When they do not compile.
pub fn build(profile: Profile) -> Result<()> {
    let mut build = workspace::cargo();
    build.args(["build", "--profile", profile.name()]).args(packages());
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

/// Prepares the testbed, calls `more` for the command's own needs, and starts the testbed's program.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_is_known_to_need_kubernetes_or_not_to_need_it() {
        let help = pass_through::help_of("demo").expect("the demo has a help text");
        let values = help.lines().filter_map(|line| line.trim_start().strip_prefix("- "));
        for scenario in values.filter_map(|line| line.split(':').next()).filter(|value| *value != "all") {
            let is_known = NO_KUBERNETES_IN.contains(&scenario) != KUBERNETES_IN.contains(&scenario);
            assert!(is_known, "{scenario}");
        }
    }
}
