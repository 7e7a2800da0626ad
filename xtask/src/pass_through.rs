//! Commands whose arguments another program reads: the testbed's, the model checker's, or `conformance`. Their help texts
//! are in `command-line/help`, `proof/model` and `testbed/conformance`. xtask shows them, and refuses unknown arguments, before
//! it builds anything.

use crate::testbed::Broker;

/// A command and its help.
const HELP: [(&str, &str); 7] = [
    ("demo", include_str!("../../command-line/help/demo.txt")),
    ("up", include_str!("../../command-line/help/up.txt")),
    ("prove", include_str!("../../command-line/help/prove.txt")),
    ("model", include_str!("../../proof/model/help.txt")),
    ("bench", include_str!("../../command-line/help/bench.txt")),
    ("clients", include_str!("../../command-line/help/clients.txt")),
    ("conformance", include_str!("../../testbed/conformance/help.txt")),
];

/// The help of a command that is passed through.
pub fn help_of(command: &str) -> Option<&'static str> {
    HELP.iter().find(|(name, _)| *name == command).map(|(_, help)| *help)
}

/// Whether the arguments ask for help.
pub fn asks_for_help(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument == "--help" || argument == "-h")
}

/// The first error in the arguments, according to the help text. The program checks them again.
pub fn problem(command: &str, help: &str, arguments: &[String]) -> Option<String> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (name, value) =
            word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let is_known = if name.starts_with('-') { has_option(help, name) } else { has_value(help, word) };
        if !is_known {
            return Some(format!("`{command}` does not know `{name}`"));
        }
        if !takes_value(help, name) {
            continue;
        }
        let Some(value) = value.or_else(|| words.next().map(String::as_str)) else {
            return Some(format!("{name} needs a value"));
        };
        if name == "--broker" && Broker::parse(value).is_none() {
            return Some(format!(
                "`{value}` is not one of bookworm (RabbitMQ 3.10), trixie (4.0) and forky (4.3)"
            ));
        }
    }
    None
}

/// The value of `--broker`, if it is given.
pub fn broker(arguments: &[String]) -> Option<Broker> {
    values(arguments, "--broker").into_iter().find_map(Broker::parse)
}

/// The values of an option, as `--name value` or `--name=value`.
pub fn values<'a>(arguments: &'a [String], name: &str) -> Vec<&'a str> {
    let mut words = arguments.iter();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        found.extend(match word.strip_prefix(name) {
            Some("") => words.next().map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        });
    }
    found
}

/// A line such as `      --minutes <N>` or `  -h, --help`.
fn has_option(help: &str, name: &str) -> bool {
    option_lines(help).any(|line| line.split([' ', ',']).any(|word| word == name))
}

fn takes_value(help: &str, name: &str) -> bool {
    name.starts_with('-')
        && option_lines(help)
            .any(|line| line.split([' ', ',']).any(|word| word == name) && line.contains('<'))
}

fn option_lines(help: &str) -> impl Iterator<Item = &str> {
    help.lines().map(str::trim_start).filter(|line| line.starts_with('-') && !line.starts_with("- "))
}

/// A line such as `          - rotate:  One secret, rotated twice`.
fn has_value(help: &str, word: &str) -> bool {
    let values = help.lines().filter_map(|line| line.trim_start().strip_prefix("- "));
    values.filter_map(|line| line.split(':').next()).any(|value| value == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(line: &str) -> Option<String> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let command = words.next()?;
        let arguments: Vec<String> = words.collect();
        problem(&command, help_of(&command)?, &arguments)
    }

    #[test]
    fn what_the_program_takes_is_passed_on() {
        for line in [
            "demo",
            "demo rotate --broker forky",
            "demo --broker=forky --without-kubernetes",
            "demo onboard",
            "demo --help",
            "up --port 4566",
            "prove --minutes 40 --again",
            "prove --cells setSecret",
            "model",
            "model --long --scenario deliveries",
            "model --mutation all",
            "model --explore --address=127.0.0.1:3001",
            "bench --starts 5 --rotations=2 --secrets 9 --kubernetes --storm 100 --report",
            "bench --tenants=100 --report",
            "clients",
            "clients pika spring-reload --broker=forky",
            "conformance",
            "conformance --target emulator --target=moto --page",
            "conformance --target account --account 111122223333 --region eu-central-1 --keep",
            "conformance --cleanup 20261129-092512",
        ] {
            assert_eq!(problem_of(line), None, "{line}");
        }
    }

    #[test]
    fn a_mistyped_word_is_refused_before_anything_is_built() {
        for (line, expected) in [
            ("demo rotat", "does not know `rotat`"),
            ("demo onbord", "does not know `onbord`"),
            ("demo --without-kubernets", "does not know `--without-kubernets`"),
            ("demo --broker sid", "`sid` is not one of"),
            ("demo --broker", "--broker needs a value"),
            ("clients pica", "does not know `pica`"),
            ("up rotate", "does not know `rotate`"),
            ("prove --minuts=4", "does not know `--minuts`"),
            ("conformance --acount 111122223333", "does not know `--acount`"),
            ("conformance 111122223333", "does not know `111122223333`"),
            ("conformance --cleanup", "--cleanup needs a value"),
            ("model --lnog", "does not know `--lnog`"),
            ("model --mutation", "--mutation needs a value"),
            ("demo -", "does not know `-`"),
            ("demo a", "does not know `a`"),
        ] {
            assert!(
                problem_of(line).unwrap_or_default().contains(expected),
                "{line}: {:?}",
                problem_of(line)
            );
        }
    }

    #[test]
    fn the_broker_is_read_in_both_forms() {
        let broker_in = |line: &str| broker(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(broker_in("rotate --broker forky"), Some(Broker::Forky));
        assert_eq!(broker_in("--broker=bookworm fail"), Some(Broker::Bookworm));
        assert_eq!(broker_in("--brokers forky"), None);
    }
}
