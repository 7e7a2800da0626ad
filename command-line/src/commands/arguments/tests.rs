use super::*;

fn parse_line(line: &str) -> Result<Command, Usage> {
    parse(&line.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn every_command_is_understood() {
    let suite = Suite::Forky;
    let all = Proof { suite, selection: Selection::All, minutes: None, fresh: false, again: false };
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
        ("demo store --broker forky", Command::Demo { scenario: Scenario::Store, suite, kubernetes: true }),
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
        ("prove --broker forky", Command::Prove(all.clone())),
        (
            "prove --short --broker forky",
            Command::Prove(Proof { selection: Selection::Short, ..all.clone() }),
        ),
        (
            "prove --cells=setSecret --broker forky --minutes 5",
            Command::Prove(Proof {
                selection: Selection::Matching("setSecret".to_owned()),
                minutes: Some(5),
                ..all.clone()
            }),
        ),
        ("prove --broker forky --fresh", Command::Prove(Proof { fresh: true, ..all.clone() })),
        (
            "prove --again --broker forky --minutes=40",
            Command::Prove(Proof { again: true, minutes: Some(40), ..all.clone() }),
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
        ("prove --fresh --again", "exclude each other"),
        ("prove --short --cells a", "exclude each other"),
        ("prove --fresh --cells a", "keep nothing"),
        ("prove --again --short", "keep nothing"),
        ("prove --minutes 0", "a number from 1 to 10000, not `0`"),
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
