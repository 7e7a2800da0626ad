//! What the checks have found, as text: for the terminal, and as a page.

use std::fmt::Write as _;

use crate::checking;
use crate::checking::{Counterexample, Outcome};
use crate::incidents::Incidents;
use crate::mutation::Mutation;
use crate::rotation::Rotation;
use crate::rotation::exception::Exception;
use crate::rotation::scenario::{Bounds, Scenario};

/// The most states of one scenario: some gigabytes of memory.
const LIMIT: usize = 20_000_000;

/// The result if there are more states than the limit.
const UP_TO_THE_LIMIT: &str = "no violation in the states up to the limit";

/// The exception of alerts.
const NOTIFIED_TWICE: &str =
    "the answer of SNS is lost, or dlq-handler is killed between the alert and the note that it was sent";

/// A scenario, and what its check has found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Its name.
    pub name: &'static str,
    /// What is tried.
    pub meaning: &'static str,
    /// What may go wrong, in words.
    pub bounds: String,
    /// What was found.
    pub outcome: Outcome,
}

/// The names of all scenarios.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let rotations = Scenario::all(Bounds::Short).into_iter().map(|scenario| scenario.name);
    rotations.chain([Incidents::NAME]).collect()
}

/// Checks a scenario.
#[must_use]
pub fn check(name: &str, bounds: Bounds, broken: Option<Mutation>) -> Option<Checked> {
    if name == Incidents::NAME {
        let model = Incidents::new(bounds, broken);
        let crate::incidents::state::Budget { events, faults, repeats, hours, sweeps } = model.budget;
        return Some(Checked {
            name: Incidents::NAME,
            meaning: Incidents::MEANING,
            bounds: format!(
                "{events} events, {faults} faults, {repeats} repeated messages, {hours} pauses, {sweeps} hourly checks"
            ),
            outcome: checking::check(&model, LIMIT),
        });
    }
    let model = rotation(name, bounds, broken)?;
    let crate::rotation::world::Budget { faults, extra, again, tokens, people } = model.scenario.budget;
    Some(Checked {
        name: model.scenario.name,
        meaning: model.scenario.meaning,
        bounds: format!(
            "{tokens} new versions, {again} repeated attempts, {faults} faults, {extra} steps twice or late, {people} acts of people"
        ),
        outcome: checking::check(&model, LIMIT),
    })
}

/// The model of one scenario of a rotation.
#[must_use]
pub fn rotation(name: &str, bounds: Bounds, broken: Option<Mutation>) -> Option<Rotation> {
    let scenario = Scenario::all(bounds).into_iter().find(|scenario| scenario.name == name)?;
    Some(Rotation { scenario, broken })
}

/// One line about a check.
#[must_use]
pub fn line(checked: &Checked) -> String {
    let Outcome { states, transitions, took, violation, is_complete, .. } = &checked.outcome;
    let verdict = match violation {
        Some(counterexample) => format!("VIOLATED: {}", counterexample.property),
        None if *is_complete => "all properties hold".to_owned(),
        None => UP_TO_THE_LIMIT.to_owned(),
    };
    let seconds = took.as_secs_f32();
    format!(
        "{:<12} {states:>9} states {transitions:>10} transitions {seconds:>7.1} s  {verdict}",
        checked.name
    )
}

/// A counterexample as a list of steps.
#[must_use]
pub fn steps(counterexample: &Counterexample) -> String {
    let mut text = format!("\"{}\" does not hold:\n", counterexample.property);
    for (number, step) in (1..).zip(&counterexample.steps) {
        let _ = writeln!(text, "{number:>4}. {step}");
    }
    text
}

/// The page of all checks.
#[must_use]
pub fn page(all: &[Checked], mutations: &[(Mutation, Checked)], commit: &str, date: &str) -> String {
    let mut text = format!("# Model checking\n\nCommit {commit}, {date}.\n\n");
    let _ = writeln!(text, "| scenario | bounds | states | transitions | depth | seconds | result |");
    let _ = writeln!(text, "|---|---|--:|--:|--:|--:|---|");
    for checked in all {
        let Outcome { states, transitions, depth, took, violation, is_complete, .. } = &checked.outcome;
        let result = match violation {
            Some(counterexample) => format!("violated: {}", counterexample.property),
            None if *is_complete => "holds".to_owned(),
            None => UP_TO_THE_LIMIT.to_owned(),
        };
        let (name, bounds, seconds) = (checked.name, &checked.bounds, took.as_secs_f32());
        let _ = writeln!(
            text,
            "| {name}: {} | {bounds} | {states} | {transitions} | {depth} | {seconds:.1} | {result} |",
            checked.meaning
        );
    }
    let _ = writeln!(text, "\n## States in which an exception applies\n");
    let _ = writeln!(text, "| exception | meaning | states |\n|---|---|---|");
    let exceptions = Exception::ALL.iter().map(|exception| (exception.as_str(), exception.meaning()));
    for (name, meaning) in exceptions.chain([(Incidents::NOTIFIED_TWICE, NOTIFIED_TWICE)]) {
        let counts: Vec<String> = all
            .iter()
            .filter_map(|checked| {
                let count = checked.outcome.exceptions.get(name)?;
                Some(format!("{count} of {}", checked.name))
            })
            .collect();
        let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
        let _ = writeln!(text, "| {name} | {meaning} | {counts} |");
    }
    if !mutations.is_empty() {
        let _ = writeln!(
            text,
            "\n## Broken rules\n\n| rule | scenario | what is violated | steps |\n|---|---|---|--:|"
        );
        for (mutation, checked) in mutations {
            let found = checked.outcome.violation.as_ref();
            let (property, steps) = found.map_or(("NOTHING", 0), |found| (found.property, found.steps.len()));
            let _ = writeln!(text, "| {} | {} | {property} | {steps} |", mutation.meaning(), checked.name);
        }
    }
    for checked in all {
        if let Some(counterexample) = &checked.outcome.violation {
            let _ = writeln!(text, "\n## {}\n\n```text\n{}```", checked.name, steps(counterexample));
        }
    }
    text
}

/// Breaks a rule, and checks the scenario in which it counts, with its short bounds.
#[must_use]
pub fn mutated(broken: Mutation) -> Option<Checked> {
    check(broken.scenario(), Bounds::Short, Some(broken))
}
