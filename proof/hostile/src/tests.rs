use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::canary::PASSWORD;

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
fn failure(name: &'static str, parse: impl Fn(&Value) -> Said + Sync) -> String {
    let target = Target::of(name, &["`user`"]);
    let why = catch_unwind(AssertUnwindSafe(|| run(&target, &[document()], parse)))
        .expect_err("the mutation was not found");
    let _ =
        std::fs::remove_dir_all(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name));
    why.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn refused(text: &str) -> Said {
    Said::refused(&Refusal(text.to_owned()))
}

#[test]
fn a_parser_that_keeps_all_rules_passes() {
    let target = Target::of("test-none", &["`user`"]);
    run(&target, &[document()], |value| match value["user"].as_str() {
        Some(_) => Said::accepted(&"read"),
        None => refused("the field `user` is missing"),
    });
}

#[test]
fn a_panic_is_found_and_its_input_is_made_small() {
    let text = failure("test-panic", |value| {
        let list = value["list"].as_array().map_or(0, Vec::len);
        assert!(list <= 2 || list >= 100, "three");
        Said::accepted(&"read")
    });
    assert!(text.contains("it panics: three") && text.contains("proof/hostile/corpus/test-panic/"), "{text}");
    assert!(!text.contains("password"), "not small: {text}");
}

#[test]
fn each_other_broken_rule_is_found() {
    let text = failure("test-canary", |value| Said::accepted(&value.to_string()));
    assert!(text.contains("credential 0 (raw)"), "{text}");
    let text = failure("test-name", |_| refused("something is wrong"));
    assert!(text.contains("names no field"), "{text}");
    let text = failure("test-size", |_| refused(&format!("`user` {}", "x".repeat(SAID_BYTES))));
    assert!(text.contains("bytes"), "{text}");
}

#[test]
fn an_input_that_takes_too_long_is_found() {
    let target = Target::of("test-time", &[]);
    let limits = Limits { inputs: 1, seed: 1, time: Duration::from_millis(5) };
    let watcher = Watcher::default();
    let busy = |_: &Value| {
        let began = limits::cpu_time();
        while limits::cpu_time().saturating_sub(began) < Duration::from_millis(6) {}
        Said::accepted(&"late")
    };
    let judge = Judge { target: &target, limits, watcher: &watcher, parse: &busy };
    let problem = judge.problem(&json!(1)).expect_err("not found");
    assert_eq!(problem.rule, Rule::Time);
}

#[test]
fn most_changed_documents_differ_and_no_change_makes_a_canary_public() {
    let mut different = 0;
    for number in 0..2_000 {
        let mut random = Random::of(3, "test", number);
        let changed = <Value as Input>::changed(&[document()], &mut random);
        different += usize::from(changed != document());
        let user = changed["user"].to_string();
        assert_eq!(Watcher::default().found_in(user.as_bytes()), None, "{changed}");
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
