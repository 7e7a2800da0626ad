//! The command line of `cargo xtask` and its help.

use crate::advisories::Demand;
use crate::fuzz::Wanted;
use crate::package::Architecture;
use crate::pass_through;
use crate::testbed::Broker;

/// A command with its arguments, checked.
#[derive(Debug, PartialEq, Eq)]
pub enum Invocation {
    Demo(Vec<String>),
    Up(Vec<String>),
    Bench(Vec<String>),
    Prove(Vec<String>),
    Clients(Vec<String>),
    Conformance(Vec<String>),
    Fuzz(Wanted),
    Model(Vec<String>),
    Test {
        /// `None`: all tests on the default broker, and the broker tests on the oldest as well.
        broker: Option<Broker>,
        forwarded: Vec<String>,
    },
    Check,
    Docs {
        /// Whether to draw the pictures first.
        draw: bool,
    },
    Lint {
        /// Whether the check for advisories may be omitted.
        advisories: Demand,
    },
    Kubernetes,
    Cdk,
    Package {
        /// `None`: arm64 where it can be built, else this machine's own.
        architecture: Option<Architecture>,
    },
    Release,
}

/// The help text, and the error if the user did not ask for help.
#[derive(Debug, PartialEq, Eq)]
pub struct Help {
    pub problem: Option<String>,
    pub text: &'static str,
}

const COMMANDS: [&str; 17] = [
    "demo",
    "test",
    "up",
    "check",
    "lint",
    "docs",
    "package",
    "release",
    "prove",
    "fuzz",
    "model",
    "bench",
    "clients",
    "conformance",
    "kubernetes",
    "cdk",
    "help",
];

const TEXT: &str = "\
usage: cargo xtask COMMAND

  demo [ARGS]      rotate a real RabbitMQ user, step by step; `demo --help` lists the scenarios
  test             run all tests on RabbitMQ 4.0, and the broker tests also on 3.10
       --broker B  run all tests on one broker: bookworm (3.10), trixie (4.0) or forky (4.3)
       -- ARGS     arguments for the test programs: a part of a test's name, --nocapture, ...
  up [ARGS]        start a testbed and print commands to try; Ctrl-C ends it
  check            quick checks before a commit: format, clippy, the project's rules, unit tests;
                   less than a minute after a build
  lint             all checks: format, clippy, rustdoc, licences, advisories, templates, Python,
                   shell, the book and its links, the project's rules
       --advisories  fail also if the advisory database cannot be reached
  docs             build the book in target/docs; check links, commands, paths and parameters
       --pictures  draw the pictures first
  package          build the release zips and print their sizes
       --arch A    arm64 or x86_64 (default: arm64 if Rust's library for it is installed)
  release          write zips, templates, SBOMs and SHA256SUMS to target/release-VERSION, for each
                   architecture that can be built here; build everything twice and compare
  prove [ARGS]     test a fault at every call of a rotation, and a store during rotations; write the
                   table to target/proof.md. Finished pieces are stored for the commit: if a run is
                   interrupted, the same command continues
       --random N  run N random schedules instead, which are added up for the commit
  fuzz [PARSER]    run each parser, or those whose name begins with PARSER, on hostile input; write the
                   table to target/fuzz.md
       --inputs N  the number of inputs for each parser (default: 1000000)
       --seed S    the seed (default: 1)
  model [ARGS]     walk every interleaving of a rotation, a delivery and an incident with a model
                   checker; write the numbers to target/model.md; `model --explore` opens its explorer
  bench [ARGS]     measure time, CPU, memory, calls and price of a rotation with the share of a core
                   that Lambda gives it, beside a Python function; --report writes the page of the
                   book
  clients [ARGS]   run the clients of examples/clients (Rust, Python, Go, Java, Node.js, Spring) while
                   their secrets rotate; a test of `test` runs those in Rust and Python
  conformance [ARGS]
                   ask the rows of the AWS emulator's contract of the emulator, of another emulator
                   (moto), or with `--target account` of a real account, which it asks for first
  kubernetes       build etcd, API server, kubectl and External Secrets Operator for the testbed;
                   demo and test build them, too
  cdk              synthesize examples/cdk with the AWS CDK; create, update and delete its stack in a
                   testbed

The first run installs what is missing and prints what. All files are in `target/`, except the
Debian packages (mmdebstrap, bubblewrap, jq, curl, openssl, shellcheck; nodejs and npm for cdk and
clients; default-jdk-headless and maven for clients).";

/// Reads the arguments after `cargo xtask`.
pub fn parse(arguments: &[String]) -> Result<Invocation, Help> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Help { problem: None, text: TEXT });
    };
    match command.as_str() {
        "help" | "--help" | "-h" => Err(Help { problem: None, text: TEXT }),
        "demo" => passed("demo", rest).map(Invocation::Demo),
        "up" => passed("up", rest).map(Invocation::Up),
        "prove" => passed("prove", rest).map(Invocation::Prove),
        "clients" => passed("clients", rest).map(Invocation::Clients),
        "model" => passed("model", rest).map(Invocation::Model),
        "bench" => passed("bench", rest).map(Invocation::Bench),
        "conformance" => passed("conformance", rest).map(Invocation::Conformance),
        _ if rest.first().is_some_and(|first| first == "--help" || first == "-h") => {
            Err(Help { problem: None, text: TEXT })
        }
        "kubernetes" => no_more(rest).map(|()| Invocation::Kubernetes),
        "cdk" => no_more(rest).map(|()| Invocation::Cdk),
        "check" => no_more(rest).map(|()| Invocation::Check),
        "release" => no_more(rest).map(|()| Invocation::Release),
        "docs" => flag(rest, "--pictures").map(|draw| Invocation::Docs { draw }),
        "lint" => lint(rest),
        "test" => test(rest),
        "fuzz" => fuzz(rest),
        "package" => package(rest),
        other => Err(unknown_command(other)),
    }
}

/// Arguments for another program, if its help text contains them.
fn passed(command: &str, arguments: &[String]) -> Result<Vec<String>, Help> {
    let text = pass_through::help_of(command).unwrap_or(TEXT);
    if pass_through::asks_for_help(arguments) {
        return Err(Help { problem: None, text });
    }
    match pass_through::problem(command, text, arguments) {
        Some(problem) => Err(Help { problem: Some(problem), text }),
        None => Ok(arguments.to_vec()),
    }
}

fn test(arguments: &[String]) -> Result<Invocation, Help> {
    let (own, forwarded) = match arguments.iter().position(|argument| argument == "--") {
        Some(at) => (&arguments[..at], arguments[at + 1..].to_vec()),
        None => (arguments, Vec::new()),
    };
    let broker = option(own, "--broker", Broker::parse, "bookworm, trixie or forky")?;
    Ok(Invocation::Test { broker, forwarded })
}

fn lint(arguments: &[String]) -> Result<Invocation, Help> {
    let demanded = flag(arguments, "--advisories")?;
    Ok(Invocation::Lint { advisories: if demanded { Demand::Always } else { Demand::IfReachable } })
}

fn fuzz(arguments: &[String]) -> Result<Invocation, Help> {
    let mut wanted = Wanted::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (name, value) =
            word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let (place, least, expected) = match name {
            "--inputs" => (&mut wanted.inputs, 1, "a whole number from 1"),
            "--seed" => (&mut wanted.seed, 0, "a whole number"),
            _ if word.starts_with('-') => return Err(problem(format!("`{word}` is not known here"))),
            _ if wanted.target.is_some() => {
                return Err(problem(format!("`{word}` is one argument too many")));
            }
            _ => {
                wanted.target = Some(word.clone());
                continue;
            }
        };
        let value = value.or_else(|| words.next().map(String::as_str)).and_then(|value| value.parse().ok());
        let value = value.filter(|number| *number >= least);
        *place = value.ok_or_else(|| problem(format!("{name} needs {expected}")))?;
    }
    Ok(Invocation::Fuzz(wanted))
}

fn package(arguments: &[String]) -> Result<Invocation, Help> {
    let architecture = option(arguments, "--arch", Architecture::parse, "arm64 or x86_64")?;
    Ok(Invocation::Package { architecture })
}

/// Whether the only flag of a command is given.
fn flag(arguments: &[String], name: &str) -> Result<bool, Help> {
    let rest = arguments.strip_prefix(&[name.to_owned()]);
    no_more(rest.unwrap_or(arguments)).map(|()| rest.is_some())
}

/// The only option of a command, as `--name value` or `--name=value`.
fn option<T>(
    arguments: &[String],
    name: &str,
    parse: fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, Help> {
    let Some((first, rest)) = arguments.split_first() else {
        return Ok(None);
    };
    let (value, rest) = match (first.split_once('='), rest.split_first()) {
        (Some((key, value)), _) if key == name => (value, rest),
        (None, Some((value, rest))) if first == name => (value.as_str(), rest),
        (None, None) if first == name => return Err(problem(format!("{name} wants {expected}"))),
        _ => {
            return Err(problem(format!(
                "`{first}` is not known here (arguments for the test programs go after `--`)"
            )));
        }
    };
    no_more(rest)?;
    match parse(value) {
        Some(value) => Ok(Some(value)),
        None => Err(problem(format!("{name} wants {expected}, not `{value}`"))),
    }
}

fn no_more(arguments: &[String]) -> Result<(), Help> {
    match arguments.first() {
        Some(argument) => Err(problem(format!("`{argument}` is one argument too many"))),
        None => Ok(()),
    }
}

fn unknown_command(command: &str) -> Help {
    let nearest = COMMANDS.into_iter().map(|known| (distance(command, known), known)).min();
    problem(match nearest {
        Some((edits, known)) if edits <= 2 => {
            format!("there is no command `{command}`; did you mean `{known}`?")
        }
        _ => format!("there is no command `{command}`"),
    })
}

fn problem(problem: String) -> Help {
    Help { problem: Some(problem), text: TEXT }
}

/// Levenshtein's distance: the number of added, removed or changed letters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
