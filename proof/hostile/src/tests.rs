use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;
use std::{fmt, io};

use serde_json::{Value, json};

use super::*;
use crate::canary::PASSWORD;
use crate::judge::{REPORT_BYTES, Rule};

#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Refusal {}

fn document() -> Value {
    json!({"user": "payment", "password": PASSWORD, "list": [1, 2]})
}

/// The message of a run that must fail. The inputs that it stored are removed again.
fn failure(name: &'static str, parse: impl Fn(&Value) -> Report + Sync) -> String {
    let target = Target::of(name, &["`user`"]);
    let why = catch_unwind(AssertUnwindSafe(|| run(&target, &[document()], parse)))
        .expect_err("the mutation was not found");
    let _ =
        std::fs::remove_dir_all(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name));
    why.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn refused(text: &str) -> Report {
    Report::refused(&Refusal(text.to_owned()))
}

#[test]
fn a_parser_that_keeps_all_rules_passes() {
    let target = Target::of("test-none", &["`user`"]);
    run(&target, &[document()], |value| match value["user"].as_str() {
        Some(_) => Report::accepted(&"read"),
        None => refused("the field `user` is missing"),
    });
}

#[test]
fn a_panic_is_found_and_its_input_is_made_small() {
    let text = failure("test-panic", |value| {
        let list = value["list"].as_array().map_or(0, Vec::len);
        assert!(list <= 2 || list >= 100, "three");
        Report::accepted(&"read")
    });
    assert!(text.contains("it panics: three") && text.contains("proof/hostile/corpus/test-panic/"), "{text}");
    assert!(!text.contains("password"), "not small: {text}");
}

#[test]
fn each_other_broken_rule_is_found() {
    let text = failure("test-canary", |value| Report::accepted(&value.to_string()));
    assert!(text.contains("credential 0 (raw)"), "{text}");
    let text = failure("test-name", |_| refused("something is wrong"));
    assert!(text.contains("names no field"), "{text}");
    let text =
        failure("test-second-name", |_| refused("`user` is missing").and_error(&Refusal("no".to_owned())));
    assert!(text.contains("names no field: no"), "{text}");
    let text = failure("test-size", |_| refused(&format!("`user` {}", "x".repeat(REPORT_BYTES))));
    assert!(text.contains("bytes"), "{text}");
}

#[test]
fn an_input_that_takes_too_long_is_found() {
    let target = Target::of("test-time", &[]);
    let limits = Limits { inputs: 1, seed: 1, time: Duration::from_millis(5), end: Duration::from_mins(1) };
    let busy = |_: &Value| {
        let began = limits::cpu_time();
        while limits::cpu_time().saturating_sub(began) < Duration::from_millis(6) {}
        Report::accepted(&"late")
    };
    let judge = Judge { target: &target, limits, progress: Progress::default(), parse: &busy };
    let problem = judge.problem(&json!(1)).expect_err("not found");
    assert_eq!(problem.rule, Rule::Time);
}

#[test]
fn an_input_that_never_ends_is_named_and_stops_the_program() -> io::Result<()> {
    const CHILD: &str = "HOSTILE_TEST_NEVER_ENDS";
    if std::env::var_os(CHILD).is_some() {
        let end = Duration::from_millis(300);
        let limits = Limits { inputs: 1, seed: 1, time: end, end };
        run_within(limits, &Target::public("test-end", &[]), &[json!(1), json!(2)], |value| {
            while *value == json!(2) {
                std::thread::sleep(end);
            }
            Report::accepted(&"read")
        });
    }
    let name = "tests::an_input_that_never_ends_is_named_and_stops_the_program";
    let child = Command::new(std::env::current_exe()?).args(["--exact", name]).env(CHILD, "1").output()?;
    let text = String::from_utf8_lossy(&child.stderr);
    assert!(!child.status.success(), "the program went on");
    assert!(text.contains("test-end, stored inputs and documents: input 1 does not end"), "{text}");
    Ok(())
}

#[test]
fn stored_inputs_and_documents_have_the_stack_of_a_function() {
    /// More than the stack of a test, less than that of a function.
    const DEEP: usize = 4 * 1024 * 1024;
    fn down(top: usize) -> usize {
        let frame = std::hint::black_box([0_u8; 4_096]);
        let used = top.abs_diff(frame.as_ptr().addr());
        if used < DEEP { 1 + down(top) } else { usize::from(frame[0]) }
    }
    let limits = Limits { inputs: 0, ..Limits::from_environment(0) };
    run_within(limits, &Target::public("test-stack", &[]), &[json!(1)], |_| {
        let here = 0_u8;
        Report::accepted(&down((&raw const here).addr()))
    });
}

#[test]
fn a_target_says_whether_its_documents_contain_a_canary() {
    for (target, document) in [
        (Target::of("test-without", &[]), json!({"user": "payment"})),
        (Target::public("test-with", &[]), document()),
    ] {
        let parse = |_: &Value| Report::accepted(&"read");
        assert!(catch_unwind(|| run(&target, &[document], parse)).is_err(), "{}", target.name);
    }
}

#[test]
fn no_changed_document_is_deeper_than_serde_json_reads() {
    for number in 0..5_000 {
        let changed = Value::changed(&[json!([1])], &mut Random::of(5, "test", number));
        assert!(<Value as Input>::from_text(&changed.to_text()).is_some(), "{changed}");
    }
}

#[test]
fn most_changed_documents_differ_and_no_change_makes_a_canary_public() {
    let mut different = 0;
    for number in 0..2_000 {
        let mut random = Random::of(3, "test", number);
        let changed = <Value as Input>::changed(&[document()], &mut random);
        different += usize::from(changed != document());
        let user = changed["user"].to_string();
        assert_eq!(CANARIES.found_in(user.as_bytes()), None, "{changed}");
    }
    assert!(different > 1_800, "{different}");
}

#[test]
fn the_same_seed_makes_the_same_inputs() {
    let inputs = |seed| -> Vec<String> {
        let one = |number| Value::changed(&[document()], &mut Random::of(seed, "test", number)).to_text();
        (0..50).map(one).collect()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
}
