//! What starts by itself: schedules and rules.

use super::each;
use crate::aws::scheduler::Schedule;
use crate::doctor::check::Check;
use crate::doctor::facts::{Facts, RuleSeen};
use crate::doctor::report::Row;

/// EventBridge delivers events of calls that only read to rules in this state.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>
const WITH_READS: &str = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
/// Calls of Secrets Manager that only read.
const READS: [&str; 2] = ["GetSecretValue", "BatchGetSecretValue"];

pub(super) fn rows(facts: &Facts) -> Vec<Row> {
    let mut rows = each(Check::SchedulesEnabled, facts, &facts.schedules, schedule);
    rows.extend(each(Check::RulesEnabled, facts, &facts.rules, rule));
    rows
}

fn schedule(_: &str, timer: &Schedule) -> Row {
    let check = Check::SchedulesEnabled;
    if timer.state == "ENABLED" {
        return Row::ok(check, timer.expression.as_str());
    }
    Row::broken(
        check,
        format!("it is {}", timer.state),
        "Enable it in the console of EventBridge Scheduler: its group has the name of the stack. Find out who disabled it \
         (CloudTrail: UpdateSchedule).",
    )
}

fn rule(_: &str, rule: &RuleSeen) -> Row {
    let check = Check::RulesEnabled;
    let needs_reads = READS.iter().any(|call| rule.pattern.contains(&format!("\"{call}\"")));
    let name = "aws events enable-rule --name RULE; the name is in aws cloudformation list-stack-resources";
    match rule.state.as_str() {
        _ if rule.targets == 0 => {
            Row::broken(check, "it has no target, so its events are lost", "Deploy the stack again.")
        }
        WITH_READS => Row::ok(check, "enabled, also for calls that only read"),
        "ENABLED" if needs_reads => Row::broken(
            check,
            "it is enabled without the events of calls that only read, so it sees no read of a secret",
            format!("Set its state to {WITH_READS}: deploy the stack again."),
        ),
        "ENABLED" => Row::ok(check, "enabled"),
        state => Row::broken(check, format!("it is {state}"), name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::State;

    #[test]
    fn a_schedule_runs_only_if_it_is_enabled() {
        for (found, expected) in [("ENABLED", State::Ok), ("DISABLED", State::Broken)] {
            let timer = Schedule { state: found.to_owned(), expression: "rate(1 hour)".to_owned() };
            assert_eq!(schedule("s", &timer).state, expected, "{found}");
        }
    }

    #[test]
    fn a_rule_needs_a_target_and_the_state_of_its_events() {
        let reads = r#"{"detail":{"eventName":["GetSecretValue"]}}"#;
        let changes = r#"{"detail":{"eventName":["DeleteSecret"]}}"#;
        for (found, pattern, targets, expected) in [
            ("ENABLED", changes, 1, State::Ok),
            (WITH_READS, changes, 1, State::Ok),
            (WITH_READS, reads, 2, State::Ok),
            ("ENABLED", reads, 1, State::Broken),
            ("DISABLED", changes, 1, State::Broken),
            ("ENABLED", changes, 0, State::Broken),
        ] {
            let seen = RuleSeen { state: found.to_owned(), pattern: pattern.to_owned(), targets };
            assert_eq!(rule("r", &seen).state, expected, "{seen:?}");
        }
    }
}
