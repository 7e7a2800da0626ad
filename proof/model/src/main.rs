//! Checks the model, and prints what was found. `cargo xtask model` builds and calls it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its user")]

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use model::checking;
use model::incidents::Incidents;
use model::mutation::Mutation;
use model::report::{self, Checked};
use model::rotation::scenario::Bounds;

/// Walks every interleaving of a rotation, a delivery and an incident, with the suite's own decisions
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask model",
    bin_name = "cargo xtask model",
    after_help = "\
The report is written to target/model.md, with the number of states and the time.
A counterexample is a list of steps.
Exit code: 0 if all properties hold in the explored states, and each broken rule is found; 1 if not.
With --long, a scenario may have more states than are explored; the report says so."
)]
struct Arguments {
    /// Goes further: more attempts, faults or acts of people in each scenario, up to 20 million states. It can take half an hour
    /// and some gigabytes of memory
    #[arg(long)]
    long: bool,

    /// Checks only the scenario with this name
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,

    /// Breaks one rule and prints how the checker notices; `all` breaks each rule, one after the other
    #[arg(long, value_name = "NAME")]
    mutation: Option<String>,

    /// Serves the checker's explorer for one scenario (default: attempts) until Ctrl-C
    #[arg(long)]
    explore: bool,

    /// The address of the explorer
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    address: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("model: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    let bounds = if arguments.long { Bounds::Long } else { Bounds::Short };
    let names = report::names();
    if let Some(name) = arguments.scenario.as_deref().filter(|name| !names.contains(name)) {
        bail!("there is no scenario `{name}`: {}", names.join(", "));
    }
    let mutations = mutations(arguments.mutation.as_deref())?;
    if arguments.mutation.is_some() && (arguments.long || arguments.scenario.is_some()) {
        bail!("--mutation has its own scenario and bounds; leave out --long and --scenario");
    }
    if arguments.explore {
        let broken = mutations.first().copied();
        let scenario = arguments.scenario.as_deref().or_else(|| broken.map(Mutation::scenario));
        return explore(scenario.unwrap_or("attempts"), bounds, broken, &arguments.address);
    }
    if let Some(name) = &arguments.mutation {
        let is_one = name != "all";
        return Ok(mutations.into_iter().filter(|broken| !is_found(*broken, is_one)).count() == 0);
    }
    let selected =
        names.into_iter().filter(|name| arguments.scenario.as_deref().is_none_or(|only| only == *name));
    let all: Vec<Checked> = selected
        .filter_map(|name| {
            let checked = report::check(name, bounds, None)?;
            println!("{}", report::line(&checked));
            if let Some(counterexample) = &checked.outcome.violation {
                println!("\n{}", report::steps(counterexample));
            }
            Some(checked)
        })
        .collect();
    let mut found = Vec::new();
    if arguments.scenario.is_none() {
        for broken in Mutation::ALL {
            found.extend(report::mutated(*broken).map(|checked| (*broken, checked)));
        }
        let caught = found.iter().filter(|(_, checked)| checked.outcome.violation.is_some()).count();
        println!("{caught} of {} broken rules are found", Mutation::ALL.len());
    }
    write(&report::page(
        &all,
        &found,
        &output("git", &["describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]),
        &output("date", &["-u", "+%F"]),
    ))?;
    let holds = all.iter().all(|checked| {
        checked.outcome.violation.is_none() && (arguments.long || checked.outcome.is_complete)
    });
    Ok(holds && found.iter().all(|(_, checked)| checked.outcome.violation.is_some()))
}

fn mutations(name: Option<&str>) -> Result<Vec<Mutation>> {
    match name {
        None => Ok(Vec::new()),
        Some("all") => Ok(Mutation::ALL.to_vec()),
        Some(name) => {
            let known = || Mutation::ALL.iter().map(|broken| broken.as_str()).collect::<Vec<_>>().join(", ");
            let broken = Mutation::parse(name)
                .with_context(|| format!("there is no mutation `{name}`: all, {}", known()))?;
            Ok(vec![broken])
        }
    }
}

/// Breaks a rule, and says how the checker notices.
fn is_found(broken: Mutation, with_steps: bool) -> bool {
    let Some(checked) = report::mutated(broken) else { return false };
    let found = checked.outcome.violation.as_ref();
    let what = found.map_or("NOT FOUND", |found| found.property);
    println!("{:<26} {:<12} {what}", broken.as_str(), checked.name);
    if with_steps {
        println!("\n{}\n", broken.meaning());
        if let Some(counterexample) = found {
            println!("{}", report::steps(counterexample));
        }
    }
    found.is_some()
}

fn explore(name: &str, bounds: Bounds, broken: Option<Mutation>, address: &str) -> Result<bool> {
    std::net::TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    println!("the explorer of the scenario `{name}` listens on http://{address}; Ctrl-C ends it");
    if name == Incidents::NAME {
        checking::explore(Incidents::new(bounds, broken), address);
    } else {
        checking::explore(report::rotation(name, bounds, broken).context("no such scenario")?, address);
    }
    Ok(true)
}

fn write(page: &str) -> Result<()> {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::fs::create_dir_all(&target)?;
    std::fs::write(target.join("model.md"), page).context("cannot write target/model.md")?;
    println!("the report is in target/model.md");
    Ok(())
}

/// What a program prints. Without it, the report has a question mark.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    output.map_or_else(|| "?".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Set to 1, it writes the help text that `cargo xtask model --help` prints.
    const UPDATE: &str = "UPDATE_HELP";

    #[test]
    fn the_help_text_is_that_of_the_command() -> Result<()> {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("help.txt");
        let help = Arguments::command().render_long_help().to_string();
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(file, help)?;
        } else {
            assert_eq!(std::fs::read_to_string(file)?, help, "run this test with {UPDATE}=1");
        }
        Ok(())
    }
}
