//! What the user asked for, or the help that answers it.

use proof::fault_matrix::Selection;
use testbed::broker::Suite;

use super::prove::Proof;

/// A command with its arguments, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Makes the parts ready.
    Install(Suite),
    /// Rotates, and shows what happens.
    Demo { scenario: Scenario, suite: Suite, kubernetes: bool },
    /// Leaves a cloud running; on a free port when none is given.
    Up { suite: Suite, port: Option<u16> },
    /// Lets the store trade through everything, or through a short form of it.
    ZeroLoss { suite: Suite, short: bool },
    /// Runs the fault matrix, or a part of it.
    Prove(Proof),
    /// Measures so many rotations and cold starts.
    Bench { rotations: usize, starts: usize, secrets: usize },
}

impl Command {
    /// The suite whose RabbitMQ it starts.
    pub fn suite(self) -> anyhow::Result<Suite> {
        match self {
            Self::Install(suite)
            | Self::Demo { suite, .. }
            | Self::Up { suite, .. }
            | Self::Prove(Proof { suite, .. })
            | Self::ZeroLoss { suite, .. } => Ok(suite),
            Self::Bench { .. } => Suite::from_environment(),
        }
    }
}

/// What the demo shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// One secret, rotated twice.
    Rotate,
    /// New credentials on their way to an application in Kubernetes.
    Deliver,
    /// A rotation that fails, its notice, and the repair.
    Fail,
    /// A secret that people rotate: announced, replaced by hand, delivered.
    Overdue,
    /// A store that trades while its secrets rotate.
    Store,
    /// All of them.
    All,
}

/// The help text, and what was wrong when it was not asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage {
    pub problem: Option<String>,
    pub text: String,
}

const TEXT: &str = "\
usage: testbed COMMAND

  install               make RabbitMQ and the AWS emulator ready below target/testbed
  demo [rotate|deliver|fail|overdue|store]
                        on a cloud of its own: one secret rotated twice; new credentials on their way
                        to an application in Kubernetes; a rotation that fails, its alert and the
                        repair; a secret that people rotate, announced and replaced; a store that
                        trades while its secrets rotate; all of them when none is named
       --without-kubernetes
                        leaves `deliver`, `overdue` and `store` out, and what takes long to build for them
  up [--port N]         leave a cloud with one secret running and say how to use it; Ctrl-C ends it
                        (AWS on port N, or on a free one)
  zero-loss [--short]   a store trades through rotations under every policy, a restart, revocations
  prove [--minutes N] [--fresh | --again]
                        a fault at every call of a rotation and its delivery, under every hypothesis
                        about retries, then zero-loss. Each piece that ends is kept below target/proof for
                        the commit, and the same command goes on after the last one. Begins no further
                        piece after N minutes; --fresh forgets what was kept; --again repeats the pieces
                        that were violated. With uncommitted changes nothing is kept
  prove --short | --cells TEXT
                        a shortened form, or only the cells whose coordinates hold TEXT; nothing is kept
  bench [--rotations N] [--starts N] [--secrets N]
                        time, memory, calls and size of the release build (`cargo xtask bench`
                        makes it), and of rotation-watch among N secrets (10000: a quarter of an hour)

All but bench take --broker bookworm | trixie | forky: RabbitMQ 3.10, 4.0 (default) or 4.3.
They end with 0 when all went well, 1 when something failed, 2 when they were called wrongly, and prove
with 3 when nothing has failed but pieces are left.";

/// Reads the arguments after the program's name.
///
/// # Errors
/// The help, when it was asked for or something is wrong.
pub fn parse(arguments: &[&str]) -> Result<Command, Usage> {
    let Some((&command, rest)) = arguments.split_first() else {
        return Err(help());
    };
    if ["help", "--help", "-h"].contains(&command) || rest.contains(&"--help") || rest.contains(&"-h") {
        return Err(help());
    }
    let mut rest = Rest(rest.to_vec());
    let parsed = match command {
        "install" => Command::Install(rest.suite()?),
        "demo" => {
            let (suite, without) = (rest.suite()?, rest.flag("--without-kubernetes"));
            let scenario = rest.scenario()?;
            let needed = matches!(scenario, Scenario::Deliver | Scenario::Overdue | Scenario::Store);
            if needed && without {
                return Err(wrong(
                    "`demo deliver`, `demo overdue` and `demo store` need Kubernetes".to_owned(),
                ));
            }
            let kubernetes = needed || scenario == Scenario::All && !without;
            Command::Demo { scenario, suite, kubernetes }
        }
        "up" => Command::Up { suite: rest.suite()?, port: rest.number("--port", 1..=65_535)? },
        "zero-loss" => Command::ZeroLoss { suite: rest.suite()?, short: rest.flag("--short") },
        "prove" => {
            let (suite, short) = (rest.suite()?, rest.flag("--short"));
            let selection = match (rest.option("--cells")?, short) {
                (Some(_), true) => return Err(wrong("--cells and --short exclude each other".to_owned())),
                (Some(text), false) => Selection::Matching(text),
                (None, true) => Selection::Short,
                (None, false) => Selection::All,
            };
            let minutes = rest.number("--minutes", 1..=10_000)?;
            let (fresh, again) = (rest.flag("--fresh"), rest.flag("--again"));
            if fresh && again {
                return Err(wrong("--fresh and --again exclude each other".to_owned()));
            }
            if (fresh || again) && selection != Selection::All {
                let of_all = "--fresh and --again go without --cells and --short, which keep nothing";
                return Err(wrong(of_all.to_owned()));
            }
            Command::Prove(Proof { suite, selection, minutes, fresh, again })
        }
        "bench" => Command::Bench {
            rotations: rest.number("--rotations", 1..=1_000)?.map_or(10, usize::from),
            starts: rest.number("--starts", 1..=1_000)?.map_or(21, usize::from),
            secrets: rest.number("--secrets", 1..=50_000)?.map_or(0, usize::from),
        },
        other => return Err(wrong(format!("there is no command `{other}`"))),
    };
    match rest.0.first() {
        Some(unknown) => Err(wrong(format!("`{command}` does not know `{unknown}`"))),
        None => Ok(parsed),
    }
}

/// The arguments that are not understood yet.
struct Rest<'a>(Vec<&'a str>);

impl Rest<'_> {
    fn suite(&mut self) -> Result<Suite, Usage> {
        let suite = match self.option("--broker")? {
            Some(name) => name.parse(),
            None => Suite::from_environment(),
        };
        suite.map_err(|error| wrong(format!("--broker: {error:#}")))
    }

    /// Takes `name` out; whether it was there.
    fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|argument| *argument != name);
        self.0.len() < before
    }

    fn scenario(&mut self) -> Result<Scenario, Usage> {
        let at = self.0.iter().position(|argument| !argument.starts_with('-'));
        match at.map(|at| self.0.remove(at)) {
            None | Some("all") => Ok(Scenario::All),
            Some("rotate") => Ok(Scenario::Rotate),
            Some("deliver") => Ok(Scenario::Deliver),
            Some("fail") => Ok(Scenario::Fail),
            Some("overdue") => Ok(Scenario::Overdue),
            Some("store") => Ok(Scenario::Store),
            Some(other) => Err(wrong(format!(
                "there is no demo `{other}`, but there are `rotate`, `deliver`, `fail`, `overdue`, `store` and `all`"
            ))),
        }
    }

    fn number(&mut self, name: &str, allowed: std::ops::RangeInclusive<u16>) -> Result<Option<u16>, Usage> {
        let Some(value) = self.option(name)? else { return Ok(None) };
        match value.parse() {
            Ok(number) if allowed.contains(&number) => Ok(Some(number)),
            _ => Err(wrong(format!(
                "{name} wants a number from {} to {}, not `{value}`",
                allowed.start(),
                allowed.end()
            ))),
        }
    }

    /// Takes `--name value` or `--name=value` out.
    fn option(&mut self, name: &str) -> Result<Option<String>, Usage> {
        let is_it = |argument: &&str| argument.split('=').next() == Some(name);
        let Some(at) = self.0.iter().position(is_it) else { return Ok(None) };
        let argument = self.0.remove(at);
        if let Some((_, value)) = argument.split_once('=') {
            return Ok(Some(value.to_owned()));
        }
        if at >= self.0.len() {
            return Err(wrong(format!("{name} wants a value")));
        }
        Ok(Some(self.0.remove(at).to_owned()))
    }
}

fn help() -> Usage {
    Usage { problem: None, text: TEXT.to_owned() }
}

fn wrong(problem: String) -> Usage {
    Usage { problem: Some(problem), text: TEXT.to_owned() }
}

#[cfg(test)]
mod tests;
