use std::path::Path;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::*;

/// Set to write the help texts instead of comparing them.
const UPDATE: &str = "UPDATE_HELP";

fn parse(line: &str) -> Result<Command, clap::Error> {
    let words = std::iter::once("xtask").chain(line.split_whitespace());
    let command = Arguments::try_parse_from(words)?.command;
    if let Command::Demo(demo) = command {
        demo.with_kubernetes()?;
    }
    Ok(command)
}

fn demo(line: &str) -> Option<(Scenario, bool)> {
    match parse(line) {
        Ok(Command::Demo(demo)) => Some((demo.scenario(), demo.with_kubernetes().ok()?)),
        _ => None,
    }
}

#[test]
fn a_demo_has_a_cluster_where_it_needs_one() {
    for (line, expected) in [
        ("demo", (Scenario::All, true)),
        ("demo --without-kubernetes", (Scenario::All, false)),
        ("demo rotate", (Scenario::Rotate, false)),
        ("demo --broker forky --without-kubernetes fail", (Scenario::Fail, false)),
        ("demo --broker=forky deliver", (Scenario::Deliver, true)),
        ("demo store", (Scenario::Store, true)),
        ("demo secops", (Scenario::Secops, true)),
        ("demo onboard", (Scenario::Onboard, true)),
    ] {
        assert_eq!(demo(line), Some(expected), "{line}");
    }
}

#[test]
fn a_proof_is_of_everything_or_of_what_was_chosen() -> Result<()> {
    let suite = Suite::Forky;
    let all =
        Proof { suite, selection: Selection::All, minutes: None, fresh: false, again: false, random: None };
    for (line, expected) in [
        ("prove", all.clone()),
        ("prove --short", Proof { selection: Selection::Short, ..all.clone() }),
        (
            "prove --cells=setSecret --minutes 5",
            Proof { selection: Selection::Matching("setSecret".to_owned()), minutes: Some(5), ..all.clone() },
        ),
        (
            "prove --random 50 --seed 7",
            Proof { random: Some(Random { seeds: 7..57, parts: None }), ..all.clone() },
        ),
        (
            "prove --random=1 --parts 0,3",
            Proof { random: Some(Random { seeds: 1..2, parts: Some(vec![0, 3]) }), ..all.clone() },
        ),
        ("prove --fresh", Proof { fresh: true, ..all.clone() }),
        ("prove --again --minutes=40", Proof { again: true, minutes: Some(40), ..all.clone() }),
    ] {
        let Command::Prove(prove) = parse(&format!("{line} --broker forky"))? else {
            anyhow::bail!("{line} is no proof");
        };
        assert_eq!(prove.proof()?, expected, "{line}");
    }
    Ok(())
}

#[test]
fn all_clients_run_unless_some_are_chosen() -> Result<()> {
    use proof::clients::Client;
    for (line, expected) in [
        ("clients", Client::ALL.to_vec()),
        ("clients --short aio-pika spring-reload", vec![Client::AioPika, Client::SpringReload]),
    ] {
        let Command::Clients(clients) = parse(line)? else { anyhow::bail!("{line} runs no clients") };
        assert_eq!(clients.chosen(), expected, "{line}");
    }
    for client in Client::ALL {
        assert!(parse(&format!("clients {}", client.name())).is_ok(), "{}", client.name());
    }
    Ok(())
}

#[test]
fn a_wrong_call_says_what_is_wrong() {
    for (line, expected) in [
        ("dmo", "'demo'"),
        ("demo rotat", "'rotate'"),
        ("demo deliver --without-kubernetes", "need Kubernetes"),
        ("demo --without-kubernetes store", "need Kubernetes"),
        ("demo secops --without-kubernetes", "need Kubernetes"),
        ("demo onboard --without-kubernetes", "need Kubernetes"),
        ("demo rotate twice", "unexpected argument 'twice'"),
        ("demo --broker", "a value is required for '--broker"),
        ("demo --broker sid", "`sid` is not one of"),
        ("clients pica", "'pika'"),
        ("up --port 0", "0 is not in 1..=65535"),
        ("up --port http", "invalid value 'http'"),
        ("up --prot 4566", "'--port'"),
        ("prove --fresh --again", "cannot be used with '--again'"),
        ("prove --short --cells a", "cannot be used with '--cells"),
        ("prove --fresh --cells a", "cannot be used with '--cells"),
        ("prove --again --short", "cannot be used with '--short'"),
        ("prove --minutes 0", "0 is not in 1..=10000"),
        ("bench --starts 2000", "2000 is not in 1..=1000"),
        ("bench --tenants 20001", "20001 is not in 0..=20000"),
        ("bench --tenants 100 --storm 100", "cannot be used with"),
        ("bench --kubernetes --tenants 100", "cannot be used with"),
    ] {
        let problem = parse(line).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(problem.contains(expected), "{line}: {problem}");
    }
}

#[test]
fn a_report_names_the_command_that_repeats_it() -> Result<()> {
    for line in [
        "bench",
        "bench --rotations 30 --storm 1000 --kubernetes --report",
        "bench --starts 5 --secrets 9",
        "bench --tenants 10000 --report",
    ] {
        let Command::Bench(bench) = parse(line)? else {
            anyhow::bail!("{line} is no bench");
        };
        assert_eq!(bench.command(), format!("cargo xtask {line}"));
    }
    Ok(())
}

/// `cargo xtask` shows these before it builds anything.
#[test]
fn the_help_texts_are_those_of_the_commands() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("help");
    let mut whole = Arguments::command();
    whole.build();
    for command in whole.get_subcommands_mut().filter(|command| !command.is_hide_set()) {
        let (file, help) =
            (folder.join(format!("{}.txt", command.get_name())), command.render_long_help().to_string());
        if std::env::var_os(UPDATE).is_some() {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(file, help)?;
        } else {
            assert_eq!(std::fs::read_to_string(file)?, help, "run this test with {UPDATE}=1");
        }
    }
    Ok(())
}

#[test]
fn hostile_input_testbed_command_lines_are_refused_by_the_name_of_an_argument() {
    const LINES: [&str; 8] = [
        "demo store --broker trixie",
        "demo --without-kubernetes",
        "up --port 4566 --broker=forky",
        "prove --minutes 40 --again",
        "prove --cells text",
        "prove --random 10 --seed 7",
        "bench --rotations 20 --starts 5 --kubernetes --report",
        "zero-loss --short",
    ];
    // An argument in the form in which clap writes it.
    let target = hostile::Target::public("testbed-command-lines", &["'", "<", "--"]);
    hostile::run(&target, &hostile::words(&LINES), |words: &hostile::Words| {
        let line = std::iter::once("cargo xtask").chain(words.iter().map(String::as_str));
        match Arguments::try_parse_from(line) {
            Ok(Arguments { command: Command::Demo(demo) }) => {
                hostile::Report::accepted(&(demo.scenario(), demo.with_kubernetes().is_ok()))
            }
            Ok(Arguments { command: Command::Bench(bench) }) => hostile::Report::accepted(&bench.command()),
            Ok(_) => hostile::Report::accepted(&"read"),
            Err(error) if is_help(error.kind()) => hostile::Report::accepted(&error.kind()),
            Err(error) => hostile::Report::usage(&error.to_string()),
        }
    });
}

fn is_help(kind: ErrorKind) -> bool {
    use ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    matches!(kind, DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand)
}
