//! The functions: whether they may run, who may invoke them, and which queues they read.

use serde_json::Value;

use super::each;
use crate::aws::functions::{Function, Mapping};
use crate::doctor::check::Check;
use crate::doctor::facts::{Facts, FunctionSeen, Seen};
use crate::doctor::report::Row;

const ROTATOR: &str = "secretsmanager.amazonaws.com";

pub(super) fn rows(facts: &Facts) -> Vec<Row> {
    let mut rows = each(Check::FunctionsState, facts, &facts.functions, state);
    rows.push(invocable(&facts.rotation_policy));
    rows.extend(each(Check::FunctionsReaders, facts, &facts.mappings, reader));
    rows
}

fn state(name: &str, function: &FunctionSeen) -> Row {
    let check = Check::FunctionsState;
    let FunctionSeen { function: Function { state, last_update }, reserved } = function;
    if *reserved == Some(0) {
        return Row::broken(
            check,
            "its reserved concurrency is 0, so it is switched off",
            format!("aws lambda delete-function-concurrency --function-name {name}"),
        );
    }
    let look = format!("aws lambda get-function-configuration --function-name {name}");
    match (state.as_str(), last_update.as_str()) {
        ("Active" | "Inactive", "Failed") => {
            Row::broken(check, "its last update failed, so it runs the version before", look)
        }
        ("Active" | "Inactive", "InProgress") | ("Pending", _) => {
            Row::warning(check, "it is being updated", "Repeat the command in a minute.")
        }
        // Lambda sets a function that nobody has invoked for weeks to `Inactive`, and wakes it up.
        ("Active" | "Inactive", _) => Row::ok(check, "it may run"),
        _ => Row::broken(check, format!("its state is {state}"), look),
    }
}

/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-required-permissions-function.html>
fn invocable(policy: &Seen<Option<String>>) -> Row {
    let check = Check::FunctionsInvocable;
    let fix = "Deploy the stack again with a changed SourceAccount, or add the permission: aws lambda add-permission \
               --function-name FUNCTION --statement-id secretsmanager --action lambda:InvokeFunction --principal \
               secretsmanager.amazonaws.com --source-account ACCOUNT";
    let policy = match policy {
        Ok(policy) => policy.as_deref().unwrap_or("{}"),
        Err(unseen) => return Row::unseen(check, unseen),
    };
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return Row::unknown(check, "the function's policy cannot be read", fix);
    };
    let statements = policy["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_rotator = |statement: &&Value| {
        statement["Effect"] == "Allow"
            && names(&statement["Principal"]["Service"], ROTATOR)
            && ["lambda:InvokeFunction", "lambda:*"].iter().any(|action| names(&statement["Action"], action))
    };
    let mut allowing = statements.iter().filter(is_rotator).peekable();
    if allowing.peek().is_none() {
        let seen = "Secrets Manager may not invoke the rotation function, so every rotation fails";
        return Row::broken(check, seen, fix);
    }
    if allowing.all(|statement| statement.get("Condition").is_none_or(Value::is_null)) {
        let seen =
            "Secrets Manager may invoke it for every account, because the permission has no SourceAccount";
        return Row::warning(check, seen, fix);
    }
    Row::ok(check, "Secrets Manager may invoke the rotation function for this account")
}

/// Whether a field of a policy, one text or several, has this text.
pub(super) fn names(field: &Value, text: &str) -> bool {
    match field {
        Value::String(one) => one == text,
        Value::Array(several) => several.iter().any(|one| one == text),
        _ => false,
    }
}

fn reader(_: &str, mapping: &Mapping) -> Row {
    let check = Check::FunctionsReaders;
    match mapping.state.as_str() {
        "Enabled" => Row::ok(check, "its queue is read"),
        "Creating" | "Enabling" | "Updating" => {
            Row::warning(check, format!("it is {}", mapping.state), "Repeat the command in a minute.")
        }
        state => Row::broken(
            check,
            format!("it is {state}: nobody reads {}", mapping.source),
            "infra/playbooks/when-nothing-works.md#1-the-handler-is-down; then aws lambda update-event-source-mapping \
             --uuid UUID --enabled",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::report::State;

    #[test]
    fn a_function_runs_if_it_is_active_and_not_switched_off() {
        for (found, last_update, reserved, expected) in [
            ("Active", "Successful", None, State::Ok),
            ("Active", "Successful", Some(5), State::Ok),
            ("Inactive", "Successful", None, State::Ok),
            ("Active", "Successful", Some(0), State::Broken),
            ("Active", "InProgress", None, State::Warning),
            ("Pending", "", None, State::Warning),
            ("Active", "Failed", None, State::Broken),
            ("Failed", "Failed", None, State::Broken),
        ] {
            let (found, last_update) = (found.to_owned(), last_update.to_owned());
            let function = FunctionSeen { function: Function { state: found, last_update }, reserved };
            assert_eq!(state("f", &function).state, expected, "{function:?}");
        }
    }

    #[test]
    fn only_secrets_manager_of_this_account_may_invoke_the_rotation_function() {
        let statement = |service: &str, condition: Value| {
            json!({"Statement": [{
                "Effect": "Allow", "Principal": {"Service": service}, "Action": "lambda:InvokeFunction",
                "Condition": condition,
            }]})
        };
        let account = json!({"StringEquals": {"AWS:SourceAccount": "123456789012"}});
        for (policy, expected) in [
            (Some(statement(ROTATOR, account.clone())), State::Ok),
            (Some(statement(ROTATOR, Value::Null)), State::Warning),
            (Some(statement("events.amazonaws.com", account)), State::Broken),
            (Some(json!({"Statement": []})), State::Broken),
            (None, State::Broken),
            (Some(json!("no object")), State::Broken),
        ] {
            let policy = policy.map(|policy| policy.to_string());
            assert_eq!(invocable(&Ok(policy.clone())).state, expected, "{policy:?}");
        }
        assert_eq!(invocable(&Ok(Some("{".to_owned()))).state, State::Unknown);
    }

    #[test]
    fn a_queue_is_read_only_if_its_mapping_is_enabled() {
        for (found, expected) in [
            ("Enabled", State::Ok),
            ("Enabling", State::Warning),
            ("Disabled", State::Broken),
            ("Disabling", State::Broken),
        ] {
            let mapping = Mapping { state: found.to_owned(), source: "arn".to_owned() };
            assert_eq!(reader("m", &mapping).state, expected, "{found}");
        }
    }
}
