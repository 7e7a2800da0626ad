//! Hostile command lines of the program of SecOps. See the crate `hostile`.

use clap::Parser as _;
use hostile::{Said, Target, Words};
use secops::arguments::Arguments;

const LINES: [&str; 12] = [
    "status rabbitmq/payment --watch",
    "--stack a --profile b --region eu-central-1 --output json --color never status",
    "inspect rabbitmq/payment",
    "rotate rabbitmq/payment --follow",
    "revoke rabbitmq/payment --version v1 --reason ticket --force --yes",
    "incidents --all",
    "incidents close rabbitmq/payment rotation --reason ticket",
    "explain broker.unreachable",
    "rollback rabbitmq/payment --to v1",
    "adopt rabbitmq/payment payment_clone --reason ticket",
    "completions bash",
    "doctor",
];

#[test]
fn hostile_input_secops_command_lines_are_refused_with_their_usage() {
    let documents = LINES.map(|line| line.split_whitespace().map(str::to_owned).collect::<Words>());
    let names = &["error: ", "Usage:", "secops "];
    hostile::run(&Target::of("secops-command-lines", names), &documents, |words: &Words| {
        let line = std::iter::once("secops").chain(words.iter().map(String::as_str));
        match Arguments::try_parse_from(line) {
            Ok(arguments) => Said::accepted(&arguments.options.output),
            Err(error) => Said { refused: true, text: error.to_string() },
        }
    });
}
