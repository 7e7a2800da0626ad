//! Asks IAM what the roles of a deployed stack may do, with and without the tags that their policies demand.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::cli::Cli;

/// Actions of one statement that are simulated, at most.
const ACTIONS: usize = 10;

/// One question to the simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The actions of the statement, without patterns.
    pub actions: Vec<String>,
    /// Its first resource, with patterns filled in.
    pub resource: String,
    /// The condition keys that the statement demands, with a value that it takes.
    pub context: Vec<(String, String)>,
}

/// The questions of a policy: one for each statement that allows something under a condition of a tag.
#[must_use]
pub fn questions(policy: &Value) -> Vec<Question> {
    let statements = many(policy.get("Statement"));
    let allowed = statements.iter().filter(|one| one.get("Effect") == Some(&json!("Allow")));
    allowed.filter_map(question).collect()
}

fn question(statement: &Value) -> Option<Question> {
    let texts = |key: &str| -> Vec<String> {
        many(statement.get(key)).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let actions =
        texts("Action").into_iter().filter(|action| !action.contains('*')).take(ACTIONS).collect::<Vec<_>>();
    let resource = texts("Resource").into_iter().next()?.replace('*', "x");
    let conditions = statement.get("Condition")?.as_object()?;
    let mut context = Vec::new();
    for (operator, keys) in conditions {
        if !["StringEquals", "StringLike"].contains(&operator.as_str()) {
            continue;
        }
        for (key, values) in keys.as_object()? {
            let value =
                many(Some(values)).first().and_then(Value::as_str).map(|value| value.replace('*', "x"))?;
            context.push((key.clone(), value));
        }
    }
    let has_tag = context.iter().any(|(key, _)| key.contains("ResourceTag/"));
    (has_tag && !actions.is_empty()).then_some(Question { actions, resource, context })
}

/// A policy has one thing or a list of them.
fn many(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

/// For each role of a stack: what the simulation decided otherwise than the policies say. With the demanded tag, every
/// action must be allowed; with another value, none.
///
/// # Errors
/// When IAM or CloudFormation does not answer.
pub async fn roles_of(cli: &Cli, stack: &str) -> Result<Vec<(String, Vec<String>)>> {
    let answer = cli.call(&["cloudformation", "describe-stack-resources", "--stack-name", stack]).await?;
    let resources = answer.pointer("/StackResources").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for role in resources.iter().filter(|one| text(one, "ResourceType") == "AWS::IAM::Role") {
        let (logical, name) = (text(role, "LogicalResourceId"), text(role, "PhysicalResourceId"));
        found.push((format!("role {logical}"), role_problems(cli, &name).await?));
    }
    Ok(found)
}

async fn role_problems(cli: &Cli, role: &str) -> Result<Vec<String>> {
    let described = cli.call(&["iam", "get-role", "--role-name", role]).await?;
    let arn =
        described.pointer("/Role/Arn").and_then(Value::as_str).context("a role without an ARN")?.to_owned();
    let list = cli.call(&["iam", "list-role-policies", "--role-name", role]).await?;
    let mut problems = Vec::new();
    for name in list.pointer("/PolicyNames").and_then(Value::as_array).into_iter().flatten() {
        let name = name.as_str().context("a policy without a name")?;
        let policy =
            cli.call(&["iam", "get-role-policy", "--role-name", role, "--policy-name", name]).await?;
        for question in questions(policy.pointer("/PolicyDocument").unwrap_or(&Value::Null)) {
            problems.extend(ask(cli, &arn, &question).await?);
        }
    }
    Ok(problems)
}

async fn ask(cli: &Cli, role: &str, question: &Question) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (is_tagged, expected) in [(true, true), (false, false)] {
        let entries: Vec<Value> = question
            .context
            .iter()
            .map(|(key, value)| {
                let value = if is_tagged || !key.contains("ResourceTag/") { value } else { "another" };
                json!({"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"})
            })
            .collect();
        let entries = json!(entries).to_string();
        let actions: Vec<&str> = question.actions.iter().map(String::as_str).collect();
        let simulate = ["iam", "simulate-principal-policy", "--policy-source-arn", role, "--resource-arns"];
        let rest = [question.resource.as_str(), "--context-entries", &entries, "--action-names"];
        let answer = cli.call(&[&simulate[..], &rest, &actions].concat()).await?;
        for result in answer.pointer("/EvaluationResults").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or("?");
            if (text("EvalDecision") == "allowed") != expected {
                let tag = if is_tagged { "with" } else { "without" };
                problems.push(format!("{} {tag} the tag: {}", text("EvalActionName"), text("EvalDecision")));
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_with_a_tag_become_questions() {
        let policy = json!({"Statement": [
            {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "secretsmanager:List*"],
             "Resource": "arn:aws:secretsmanager:eu-central-1:1:secret:*",
             "Condition": {"StringEquals": {"aws:ResourceTag/rotation-mq": "on"}}},
            {"Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:sns:eu-central-1:1:x"},
            {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*",
             "Condition": {"StringEquals": {"aws:ResourceTag/x": "y"}}},
        ]});
        let expected = Question {
            actions: vec!["secretsmanager:GetSecretValue".into()],
            resource: "arn:aws:secretsmanager:eu-central-1:1:secret:x".into(),
            context: vec![("aws:ResourceTag/rotation-mq".into(), "on".into())],
        };
        assert_eq!(questions(&policy), [expected]);
    }
}
