//! The short bounds: no property is violated, and every broken rule is found.

use model::mutation::Mutation;
use model::report::{self, Checked};
use model::rotation::scenario::Bounds;

fn explain(checked: &Checked) -> String {
    let steps = checked.outcome.violation.as_ref().map(report::steps).unwrap_or_default();
    format!("{}\n{steps}", report::line(checked))
}

#[test]
fn no_interleaving_within_the_short_bounds_violates_a_property() {
    for name in report::names() {
        let checked = report::check(name, Bounds::Short, None);
        assert!(
            checked
                .as_ref()
                .is_some_and(|checked| checked.outcome.violation.is_none() && checked.outcome.is_complete),
            "{name}: {}",
            checked.as_ref().map(explain).unwrap_or_default()
        );
    }
}

#[test]
fn every_broken_rule_is_found() {
    let missed: Vec<&str> = Mutation::ALL
        .iter()
        .filter(|broken| report::mutated(**broken).is_none_or(|checked| checked.outcome.violation.is_none()))
        .map(|broken| broken.as_str())
        .collect();
    assert!(missed.is_empty(), "the checker does not notice: {}", missed.join(", "));
}
