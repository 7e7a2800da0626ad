//! The stack: how its last update ended, and whether it is of the version of this program.

use crate::aws::cloudformation::{Resource, Stack};
use crate::doctor::check::Check;
use crate::doctor::facts::Unseen;
use crate::doctor::report::Row;

/// Outputs that this program uses. A stack of an earlier version lacks the new ones.
const OUTPUTS: [&str; 9] = [
    "RotationFunctionName",
    "IncidentFunctionName",
    "InspectFunctionName",
    "HandlerFunctionName",
    "WatchFunctionName",
    "AlertTopicArn",
    "AlarmTopicArn",
    "DeadLetterTopicArn",
    "IncidentsTableName",
];
const UPDATE: &str = "Update the stack: docs/src/deploy.md#update.";

pub(super) fn rows(stack: Result<&Stack, &Unseen>, resources: Result<&Vec<Resource>, &Unseen>) -> Vec<Row> {
    match stack {
        Ok(stack) => {
            let mut rows = state(&stack.status, resources.map(Vec::as_slice).unwrap_or_default());
            if let Err(unseen) = resources {
                rows.push(Row::unseen(Check::StackState, unseen).of("resources"));
            }
            rows.push(version(stack, env!("CARGO_PKG_VERSION")));
            rows
        }
        Err(unseen) => [Check::StackState, Check::StackVersion, Check::StackParameters]
            .map(|check| Row::unseen(check, unseen))
            .into(),
    }
}

fn state(status: &str, resources: &[Resource]) -> Vec<Row> {
    let check = Check::StackState;
    let events = "Read the events of the stack: aws cloudformation describe-stack-events --stack-name STACK.";
    let mut rows = vec![match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Row::ok(check, status),
        "UPDATE_ROLLBACK_COMPLETE" => {
            let seen = format!("{status}: the last update failed, and the stack is as before");
            Row::warning(check, seen, events)
        }
        running if running.ends_with("_IN_PROGRESS") => {
            Row::warning(check, format!("{running}: an update runs"), "Repeat the command when it has ended.")
        }
        other => Row::broken(check, format!("the stack is {other}"), events),
    }];
    let failed = resources.iter().filter(|resource| resource.status.ends_with("_FAILED"));
    rows.extend(
        failed.map(|resource| Row::broken(check, resource.status.as_str(), events).of(&resource.logical_id)),
    );
    rows
}

/// A release names its version in the description of the template. A stack that was built from the sources does not.
fn version(stack: &Stack, own: &str) -> Row {
    let check = Check::StackVersion;
    let missing: Vec<&str> = OUTPUTS.into_iter().filter(|output| stack.output(output).is_none()).collect();
    if !missing.is_empty() {
        let seen = format!(
            "the stack is older than this program ({own}), or is another one: it has no output {}",
            missing.join(", ")
        );
        return Row::broken(check, seen, UPDATE);
    }
    match release(stack.description.as_deref().unwrap_or_default()) {
        Some(version) if version != own => {
            let seen = format!("the stack is of version {version}, and this program of {own}");
            Row::warning(check, seen, UPDATE)
        }
        Some(version) => Row::ok(check, format!("version {version}")),
        None => Row::ok(check, format!("built from the sources, with all outputs of version {own}")),
    }
}

/// `… Version 0.2.0.`
fn release(description: &str) -> Option<&str> {
    let (_, version) = description.rsplit_once("Version ")?;
    Some(version.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::State;

    #[test]
    fn each_state_of_the_stack_is_judged() {
        for (status, expected) in [
            ("CREATE_COMPLETE", State::Ok),
            ("UPDATE_COMPLETE", State::Ok),
            ("UPDATE_IN_PROGRESS", State::Warning),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", State::Warning),
            ("UPDATE_ROLLBACK_COMPLETE", State::Warning),
            ("UPDATE_ROLLBACK_FAILED", State::Broken),
            ("ROLLBACK_COMPLETE", State::Broken),
            ("DELETE_FAILED", State::Broken),
            ("", State::Broken),
        ] {
            let rows = state(status, &[]);
            assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [expected], "{status}");
        }
        let failed = Resource {
            logical_id: "RuleQueue".to_owned(),
            physical_id: String::new(),
            kind: "AWS::SQS::Queue".to_owned(),
            status: "UPDATE_FAILED".to_owned(),
        };
        let rows = state("UPDATE_COMPLETE", &[failed]);
        assert_eq!(
            rows.last().map(|row| (row.state, row.subject.as_deref())),
            Some((State::Broken, Some("RuleQueue")))
        );
    }

    #[test]
    fn the_version_is_in_the_description_and_all_outputs_are_there() {
        let stack = |description: &str| Stack {
            description: Some(description.to_owned()),
            outputs: OUTPUTS.map(|output| (output.to_owned(), "x".to_owned())).into(),
            ..Stack::default()
        };
        for (description, expected) in [
            ("Rotates credentials.", State::Ok),
            ("Rotates credentials. Version 0.2.0.", State::Ok),
            ("Rotates credentials. Version 0.1.0.", State::Warning),
        ] {
            assert_eq!(version(&stack(description), "0.2.0").state, expected, "{description}");
        }
        let mut old = stack("Rotates credentials. Version 0.2.0.");
        old.outputs.remove("InspectFunctionName");
        let row = version(&old, "0.2.0");
        assert_eq!(row.state, State::Broken);
        assert!(row.seen.contains("no output InspectFunctionName"), "{}", row.seen);
    }
}
