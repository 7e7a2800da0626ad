//! The project's commands; `cargo xtask help` lists them.
//!
//! Each command installs what it needs, prints what and why, and keeps its caches in `target/`. The exit code is 0 after
//! success, 1 after a failure and 2 after wrong arguments.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its user")]

mod advisories;
mod apt;
mod cargo_tool;
mod cdk;
mod check;
mod checks;
mod clients;
mod command_rules;
mod configuration_rules;
mod conformance;
mod dependency_rules;
mod disk;
mod docs;
mod feature_rules;
mod fuzz;
mod go;
mod history;
mod html;
mod kubernetes;
mod link_rules;
mod lint;
mod markdown;
mod model;
mod network_rules;
mod package;
mod pass_through;
mod pictures;
mod playbook_rules;
mod policy_rules;
mod python;
mod release;
mod step;
mod template;
mod template_rules;
mod test;
mod testbed;
mod upgrade;
mod usage;
mod workspace;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use usage::{Help, Invocation};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match usage::parse(&arguments) {
        Ok(invocation) => match run(invocation) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("\nxtask: {error:#}");
                ExitCode::from(1)
            }
        },
        // A closed pipe (`| head`) is no reason to panic.
        Err(Help { problem: None, text }) => {
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(Help { problem: Some(problem), text }) => {
            let _ = writeln!(std::io::stderr(), "xtask: {problem}\n\n{text}");
            ExitCode::from(2)
        }
    }
}

fn run(invocation: Invocation) -> Result<()> {
    match invocation {
        Invocation::Demo(arguments) => testbed::demo(&arguments),
        Invocation::Up(arguments) => testbed::up(&arguments),
        Invocation::Bench(arguments) => testbed::bench(&arguments),
        Invocation::Prove(arguments) => testbed::prove(&arguments),
        Invocation::Clients(arguments) => clients::run(&arguments),
        Invocation::Fuzz(wanted) => fuzz::run(&wanted),
        Invocation::Conformance(arguments) => conformance::run(&arguments),
        Invocation::Model(arguments) => model::run(&arguments),
        Invocation::Test { broker, forwarded } => test::run(broker, &forwarded),
        Invocation::Kubernetes => kubernetes::run(),
        Invocation::Cdk => cdk::run(),
        Invocation::Check => check::run(),
        Invocation::Lint { advisories } => lint::run(advisories),
        Invocation::Docs { draw } => docs::run(draw),
        Invocation::Package { architecture } => package::run(architecture),
        Invocation::Release => release::run(),
    }
}
