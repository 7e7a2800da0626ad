use super::*;

fn parse_line(line: &str) -> Result<Invocation, Help> {
    parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn every_command_is_understood() {
    let forwarded = vec!["revoke".to_owned(), "--nocapture".to_owned()];
    for (line, expected) in [
        ("lint", Invocation::Lint { advisories: Demand::IfReachable }),
        ("lint --advisories", Invocation::Lint { advisories: Demand::Always }),
        ("check", Invocation::Check),
        ("docs", Invocation::Docs { draw: false }),
        ("docs --pictures", Invocation::Docs { draw: true }),
        ("release", Invocation::Release),
        ("demo rotate", Invocation::Demo(vec!["rotate".to_owned()])),
        ("up", Invocation::Up(vec![])),
        ("clients pika", Invocation::Clients(vec!["pika".to_owned()])),
        ("prove --short", Invocation::Prove(vec!["--short".to_owned()])),
        ("model --long", Invocation::Model(vec!["--long".to_owned()])),
        ("test", Invocation::Test { broker: None, forwarded: vec![] }),
        ("test --broker forky", Invocation::Test { broker: Some(Broker::Forky), forwarded: vec![] }),
        (
            "test --broker=bookworm -- revoke --nocapture",
            Invocation::Test { broker: Some(Broker::Bookworm), forwarded },
        ),
        (
            "conformance --target moto",
            Invocation::Conformance(vec!["--target".to_owned(), "moto".to_owned()]),
        ),
        ("fuzz", Invocation::Fuzz(Wanted::default())),
        (
            "fuzz --inputs 5000 tags --seed=7",
            Invocation::Fuzz(Wanted { inputs: 5_000, seed: 7, target: Some("tags".to_owned()) }),
        ),
        ("kubernetes", Invocation::Kubernetes),
        ("cdk", Invocation::Cdk),
        ("package --arch arm64", Invocation::Package { architecture: Some(Architecture::Arm64) }),
        ("package", Invocation::Package { architecture: None }),
    ] {
        assert_eq!(parse_line(line), Ok(expected), "{line}");
    }
}

#[test]
fn a_wrong_call_says_what_is_wrong() {
    for (line, expected) in [
        ("tset", "did you mean `test`?"),
        ("lintt", "did you mean `lint`?"),
        ("rotate-everything", "there is no command `rotate-everything`"),
        ("test --broker", "bookworm, trixie or forky"),
        ("test --broker sid", "not `sid`"),
        ("test revoke", "after `--`"),
        ("chekc", "did you mean `check`?"),
        ("client", "did you mean `clients`?"),
        ("conformanse", "did you mean `conformance`?"),
        ("relase", "did you mean `release`?"),
        ("doc", "did you mean `docs`?"),
        ("check --fast", "one argument too many"),
        ("docs --picture", "one argument too many"),
        ("docs --pictures all", "one argument too many"),
        ("release 0.2.0", "one argument too many"),
        ("lint --fix", "one argument too many"),
        ("lint --advisories now", "one argument too many"),
        ("fuzz --inputs many", "--inputs needs a whole number from 1"),
        ("fuzz --inputs 0", "--inputs needs a whole number from 1"),
        ("fuzz --seed", "--seed needs a whole number"),
        ("fuzz --fast", "not known here"),
        ("fuzz tags events", "one argument too many"),
        ("kubernetes --clear", "one argument too many"),
        ("cdk deploy", "one argument too many"),
        ("package --arch arm", "arm64 or x86_64"),
    ] {
        let problem = parse_line(line).err().and_then(|help| help.problem).unwrap_or_default();
        assert!(problem.contains(expected), "{line}: {problem}");
    }
}

#[test]
fn help_that_was_asked_for_is_no_error() {
    for line in ["", "help", "--help", "-h", "test --help", "check -h", "docs --help", "release --help"] {
        assert_eq!(parse_line(line), Err(Help { problem: None, text: TEXT }), "{line}");
    }
}

#[test]
fn the_help_names_every_command() {
    for command in COMMANDS {
        assert!(command == "help" || TEXT.contains(&format!("\n  {command} ")), "{command}");
    }
}

#[test]
fn hostile_input_xtask_command_lines_are_refused_by_the_name_of_a_word() {
    const LINES: [&str; 10] = [
        "demo store --broker trixie",
        "test --broker=forky -- revoke --nocapture",
        "prove --minutes 40 --again",
        "fuzz --inputs 1000000 --seed 7 secret-values",
        "bench --rotations=20 --report",
        "conformance --target moto --keep",
        "package --arch arm64",
        "lint --advisories",
        "docs --pictures",
        "help",
    ];
    let target = hostile::Target::public("xtask-command-lines", &["`", "--"]);
    hostile::run(&target, &hostile::words(&LINES), |words: &hostile::Words| match parse(words) {
        Ok(invocation) => hostile::Report::accepted(&invocation),
        Err(Help { problem: None, text }) => hostile::Report::accepted(&text.len()),
        Err(Help { problem: Some(problem), .. }) => hostile::Report::usage(&problem),
    });
}
