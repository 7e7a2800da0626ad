//! `demo`, `up`, `bench`: build what they need, then become the testbed's own program.

use anyhow::Result;

use crate::package::{self, Architecture};
use crate::{apt, python, step, workspace};

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

/// Rotates a secret on a testbed of its own.
///
/// # Errors
/// When a part cannot be had or does not compile.
pub fn demo(arguments: &[String]) -> Result<()> {
    become_testbed("demo", arguments, || prepare(&[Broker::Trixie]))
}

/// Leaves a testbed running until Ctrl-C.
///
/// # Errors
/// As [`demo`].
pub fn up(arguments: &[String]) -> Result<()> {
    become_testbed("up", arguments, || {
        prepare(&[Broker::Trixie])?;
        // For `cargo lambda watch` and `invoke` against it.
        python::programs(&python::LAMBDA).map(|_| ())
    })
}

/// Measures the release build.
///
/// # Errors
/// As [`demo`].
pub fn bench(arguments: &[String]) -> Result<()> {
    become_testbed("bench", arguments, || {
        prepare(&[Broker::Trixie])?;
        package::run(Some(Architecture::of_this_machine()))
    })
}

/// Installs the parts that the testbed starts: Debian programs, the brokers, the AWS emulator.
///
/// # Errors
/// When one of them cannot be had.
pub fn prepare(brokers: &[Broker]) -> Result<()> {
    apt::ensure(&apt::BROKER)?;
    build()?;
    for broker in brokers {
        let mut install = workspace::program(program());
        install.args(["install", "--broker", broker.suite()]);
        step::quiet(
            &format!("install RabbitMQ from {} and the AWS emulator", broker.suite()),
            &mut install,
            "check that apt and pip reach their mirrors, then repeat the command",
        )?;
    }
    Ok(())
}

/// Builds the functions and the testbed as the tests use them.
///
/// # Errors
/// When they do not compile.
pub fn build() -> Result<()> {
    let mut build = workspace::cargo();
    build.args(["build", "--package", "testbed"]);
    for function in package::FUNCTIONS {
        build.args(["--package", function]);
    }
    step::quiet("build the functions and the testbed", &mut build, "mend the error above")
}

/// Who only asks for help waits for the build, but not for what the command itself needs.
fn become_testbed(command: &str, arguments: &[String], prepare: impl Fn() -> Result<()>) -> Result<()> {
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        build()?;
    } else {
        prepare()?;
    }
    step::become_it(workspace::unowned(program()).arg(command).args(arguments))
}

fn program() -> std::path::PathBuf {
    workspace::target().join("debug").join("testbed")
}
