use clap::CommandFactory as _;

use super::*;

#[test]
fn the_grammar_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_done() {
    for (line, is_right) in [
        ("status", true),
        ("status rabbitmq/payment --watch", true),
        ("status --output json --stack other", true),
        ("status --stack=", false),
        ("revoke rabbitmq/payment --reason ticket-7 --force", true),
        ("revoke rabbitmq/payment", false),
        ("adopt rabbitmq/payment payment_clone --reason x", true),
        ("adopt rabbitmq/payment payment_clone", false),
        ("incidents", true),
        ("incidents --all", true),
        ("incidents close rabbitmq/payment access --reason x", true),
        ("incidents close rabbitmq/payment access", false),
        ("rotate", false),
        ("rotate a b", false),
        ("explain", true),
        ("explain broker.unreachable", true),
        ("completions bash", true),
        ("completions cobol", false),
        ("doctor", true),
        ("doctor rabbitmq/payment --secrets 0 --within 600", true),
        ("doctor --within 1", false),
        ("", false),
    ] {
        let words = std::iter::once("secops").chain(line.split_whitespace());
        assert_eq!(Arguments::try_parse_from(words).is_ok(), is_right, "{line}");
    }
    for reason in ["", "two\nlines", &"x".repeat(501)] {
        let words = ["secops", "revoke", "rabbitmq/payment", "--reason", reason];
        assert!(Arguments::try_parse_from(words).is_err(), "{reason}");
    }
}

#[test]
fn no_argument_takes_a_credential() {
    let command = Arguments::command();
    let all = std::iter::once(&command).chain(command.get_subcommands());
    for argument in all.flat_map(clap::Command::get_arguments) {
        let name = argument.get_id().as_str();
        assert!(!["password", "token", "credential"].iter().any(|word| name.contains(word)), "{name}");
    }
}

#[test]
fn a_variable_names_the_stack_and_the_option_wins_wherever_it_stands() {
    let command = Arguments::command();
    let stack = command.get_arguments().find(|argument| argument.get_id() == "stack");
    let variable = stack.and_then(clap::Arg::get_env).and_then(std::ffi::OsStr::to_str);
    assert_eq!(variable, Some(STACK_VARIABLE));
    for line in
        ["--stack other status", "status --stack other", "incidents close a access --reason x --stack other"]
    {
        let words = std::iter::once("secops").chain(line.split_whitespace());
        let stack = Arguments::try_parse_from(words).map(|arguments| arguments.options.stack);
        assert_eq!(stack.ok().as_deref(), Some("other"), "{line}");
    }
}
