//! Hostile command lines of the program of SecOps. See the crate `hostile`.

use clap::Parser as _;
use clap::error::ErrorKind;
use hostile::{Report, Target, Words};
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
fn hostile_input_secops_command_lines_are_refused_by_the_name_of_an_argument() {
    // An argument in the form in which clap writes it.
    let names = &["'", "<", "--"];
    let target = Target::public("secops-command-lines", names);
    hostile::run(&target, &hostile::words(&LINES), |words: &Words| {
        let line = std::iter::once("secops").chain(words.iter().map(String::as_str));
        match Arguments::try_parse_from(line) {
            Ok(arguments) => Report::accepted(&arguments.options.output),
            Err(error) if is_help(error.kind()) => Report::accepted(&error.kind()),
            Err(error) => Report::usage(&error.to_string()),
        }
    });
}

fn is_help(kind: ErrorKind) -> bool {
    use ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    matches!(kind, DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand)
}
