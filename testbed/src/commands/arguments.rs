//! What the user asked for, or the help that answers it.

use testbed::broker::Suite;
use testbed::proof::Selection;

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
    Prove { suite: Suite, selection: Selection },
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
            | Self::Prove { suite, .. }
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
  prove [--short] [--cells TEXT]
                        a fault at every call of a rotation and its delivery, under every hypothesis
                        about retries, then zero-loss; with TEXT only the cells whose coordinates hold it
  bench [--rotations N] [--starts N] [--secrets N]
                        time, memory, calls and size of the release build (`cargo xtask bench`
                        makes it), and of rotation-watch among N secrets (10000: a quarter of an hour)

All but bench take --broker bookworm | trixie | forky: RabbitMQ 3.10, 4.0 (default) or 4.3.
They end with 0 when all went well, 1 when something failed, 2 when they were called wrongly.";

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
            let selection = match rest.option("--cells")? {
                Some(text) => Selection::Matching(text),
                None if short => Selection::Short,
                None => Selection::All,
            };
            Command::Prove { suite, selection }
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
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, Usage> {
        parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn every_command_is_understood() {
        let suite = Suite::Forky;
        for (line, expected) in [
            ("install --broker forky", Command::Install(suite)),
            ("demo --broker forky", Command::Demo { scenario: Scenario::All, suite, kubernetes: true }),
            (
                "demo rotate --broker=forky",
                Command::Demo { scenario: Scenario::Rotate, suite, kubernetes: false },
            ),
            (
                "demo --broker forky deliver",
                Command::Demo { scenario: Scenario::Deliver, suite, kubernetes: true },
            ),
            (
                "demo store --broker forky",
                Command::Demo { scenario: Scenario::Store, suite, kubernetes: true },
            ),
            (
                "demo --without-kubernetes --broker forky",
                Command::Demo { scenario: Scenario::All, suite, kubernetes: false },
            ),
            (
                "demo --broker forky --without-kubernetes fail",
                Command::Demo { scenario: Scenario::Fail, suite, kubernetes: false },
            ),
            ("up --broker forky --port 4566", Command::Up { suite, port: Some(4566) }),
            ("up --broker forky", Command::Up { suite, port: None }),
            ("zero-loss --short --broker forky", Command::ZeroLoss { suite, short: true }),
            ("prove --broker forky", Command::Prove { suite, selection: Selection::All }),
            ("prove --short --broker forky", Command::Prove { suite, selection: Selection::Short }),
            (
                "prove --cells=setSecret --broker forky",
                Command::Prove { suite, selection: Selection::Matching("setSecret".to_owned()) },
            ),
            ("bench", Command::Bench { rotations: 10, starts: 21, secrets: 0 }),
            (
                "bench --starts 5 --rotations=2 --secrets 9",
                Command::Bench { rotations: 2, starts: 5, secrets: 9 },
            ),
        ] {
            assert_eq!(parse_line(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn a_wrong_call_says_what_is_wrong() {
        for (line, expected) in [
            ("dmo", "no command `dmo`"),
            ("demo rotat", "there are `rotate`, `deliver`, `fail`, `overdue`, `store` and `all`"),
            ("demo deliver --without-kubernetes", "need Kubernetes"),
            ("demo --without-kubernetes store", "need Kubernetes"),
            ("demo rotate twice", "does not know `twice`"),
            ("demo --broker", "--broker wants a value"),
            ("demo --broker sid", "`sid` is not one of"),
            ("up --port 0", "a number from 1 to 65535, not `0`"),
            ("up --port http", "not `http`"),
            ("up --prot 4566", "does not know `--prot`"),
        ] {
            let problem = parse_line(line).err().and_then(|usage| usage.problem).unwrap_or_default();
            assert!(problem.contains(expected), "{line}: {problem}");
        }
    }

    #[test]
    fn help_that_was_asked_for_is_no_error() {
        for line in ["", "help", "--help", "demo --help", "up -h"] {
            assert_eq!(parse_line(line), Err(help()), "{line}");
        }
    }
}
