//! The keys: that of the stack's topics and queues, and the customer managed key of the secrets.

use serde_json::Value;

use super::functions::names;
use crate::aws::cloudformation::Stack;
use crate::doctor::check::Check;
use crate::doctor::facts::{Facts, KeySeen, Seen, Unseen};
use crate::doctor::report::Row;

/// A service that may not use the key drops its message without an error.
const SERVICES: [&str; 3] = ["sns.amazonaws.com", "events.amazonaws.com", "cloudwatch.amazonaws.com"];
/// Outputs with the roles that read secrets.
const ROLES: [&str; 4] = ["RotationRoleArn", "IncidentRoleArn", "BrokerUserRoleArn", "InspectRoleArn"];
const DECRYPT: [&str; 3] = ["kms:Decrypt", "kms:*", "*"];
const KEY_POLICY: &str =
    "Deploy the stack again, or restore the statement in the key's policy: infra/template.yaml, Key.";

pub(super) fn rows(facts: &Facts) -> Vec<Row> {
    let mut rows = vec![state(Check::KeysStack, &facts.stack_key)];
    rows.extend(services(&facts.stack_key));
    if let (Some(key), Ok(stack)) = (&facts.secrets_key, &facts.stack) {
        rows.push(state(Check::KeysSecrets, key));
        rows.extend(roles(key, stack));
    }
    rows
}

fn state(check: Check, key: &Seen<Option<KeySeen>>) -> Row {
    match key {
        Ok(Some(key)) => match key.state.as_str() {
            "Enabled" => Row::ok(check, "enabled"),
            "PendingDeletion" => Row::broken(
                check,
                "it is scheduled for deletion: what it encrypts cannot be read any more",
                format!("aws kms cancel-key-deletion --key-id {0}; aws kms enable-key --key-id {0}", key.id),
            ),
            state => Row::broken(
                check,
                format!("it is {state}: what it encrypts cannot be read"),
                format!("aws kms enable-key --key-id {}", key.id),
            ),
        },
        Ok(None) => Row::broken(check, "the key does not exist", "Deploy the stack with a key that exists."),
        Err(unseen) => Row::unseen(check, unseen),
    }
}

fn services(key: &Seen<Option<KeySeen>>) -> Vec<Row> {
    let check = Check::KeysStackPolicy;
    // The state of a key that is not known has its row already.
    let Ok(Some(key)) = key else { return Vec::new() };
    let policy = match statements(key) {
        Ok(statements) => statements,
        Err(row) => return vec![row(check)],
    };
    let may = |service: &&str| {
        policy.iter().any(|statement| {
            allows(statement, &DECRYPT) && names(&statement["Principal"]["Service"], service)
        })
    };
    let missing: Vec<&str> = SERVICES.into_iter().filter(|service| !may(service)).collect();
    if missing.is_empty() {
        return vec![Row::ok(check, "SNS, EventBridge and CloudWatch may use it")];
    }
    let row = |service| {
        let seen = "it may not use the key, so it drops its messages without an error";
        Row::broken(check, seen, KEY_POLICY).of(service)
    };
    missing.into_iter().map(row).collect()
}

/// The roles of the functions have their permissions on the key in IAM. That counts only if the key's policy leaves the
/// decision to IAM (the account as the principal), or names the role.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
fn roles(key: &Seen<Option<KeySeen>>, stack: &Stack) -> Vec<Row> {
    let check = Check::KeysSecrets;
    let Ok(Some(key)) = key else { return Vec::new() };
    let policy = match statements(key) {
        Ok(statements) => statements,
        Err(row) => return vec![row(check)],
    };
    let may = |role: &str| {
        let account = role.split(':').nth(4).unwrap_or_default();
        let root = role.split(":role/").next().unwrap_or_default().to_owned() + ":root";
        policy.iter().any(|statement| {
            let principal = &statement["Principal"];
            let who = if principal == "*" { principal } else { &principal["AWS"] };
            allows(statement, &DECRYPT)
                && [role, root.as_str(), account, "*"].iter().any(|one| names(who, one))
        })
    };
    let roles = ROLES.into_iter().filter_map(|output| Some((output, stack.output(output)?)));
    let missing = roles.filter(|(_, role)| !may(role));
    let row = |(output, role)| {
        let seen = format!("its policy does not allow {role} to decrypt");
        Row::broken(
            check,
            seen,
            "Allow kms:Decrypt to it in the key's policy: docs/src/deploy.md#parameters-that-matter.",
        )
        .of(output)
    };
    missing.map(row).collect()
}

fn statements(key: &KeySeen) -> Result<Vec<Value>, impl FnOnce(Check) -> Row> {
    let unseen = match &key.policy {
        Some(Ok(policy)) => match serde_json::from_str::<Value>(policy) {
            Ok(Value::Object(mut policy)) => {
                return Ok(match policy.remove("Statement") {
                    Some(Value::Array(several)) => several,
                    Some(one) => vec![one],
                    None => Vec::new(),
                });
            }
            _ => Unseen::Failed("the key's policy cannot be read".to_owned()),
        },
        Some(Err(unseen)) => unseen.clone(),
        None => Unseen::Failed("the key's policy was not read".to_owned()),
    };
    Err(move |check| Row::unseen(check, &unseen).of("policy"))
}

fn allows(statement: &Value, actions: &[&str]) -> bool {
    statement["Effect"] == "Allow" && actions.iter().any(|action| names(&statement["Action"], action))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::report::State;

    fn key(state: &str, policy: &Value) -> Seen<Option<KeySeen>> {
        let policy = Some(Ok(policy.to_string()));
        Ok(Some(KeySeen { id: "1".to_owned(), state: state.to_owned(), policy }))
    }

    #[test]
    fn only_an_enabled_key_decrypts() {
        for (found, expected) in
            [("Enabled", State::Ok), ("Disabled", State::Broken), ("PendingDeletion", State::Broken)]
        {
            assert_eq!(state(Check::KeysStack, &key(found, &json!({}))).state, expected, "{found}");
        }
        assert_eq!(state(Check::KeysStack, &Ok(None)).state, State::Broken);
    }

    #[test]
    fn each_service_that_may_not_use_the_key_is_named() {
        let with = |services: &[&str]| {
            json!({"Statement": [
                {"Effect": "Allow", "Principal": {"Service": services}, "Action": ["kms:Decrypt", "kms:GenerateDataKey"]},
                {"Effect": "Deny", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "kms:CreateGrant"},
            ]})
        };
        let found = |policy: &Value| -> Vec<_> {
            let rows = services(&key("Enabled", policy)).into_iter();
            rows.map(|row| (row.state, row.subject.unwrap_or_default())).collect()
        };
        assert_eq!(found(&with(&SERVICES)), [(State::Ok, String::new())]);
        let without_sns = found(&with(&["events.amazonaws.com", "cloudwatch.amazonaws.com"]));
        assert_eq!(without_sns, [(State::Broken, "sns.amazonaws.com".to_owned())]);
        assert_eq!(found(&json!({})).len(), 3);
        assert_eq!(found(&json!("no policy")), [(State::Unknown, "policy".to_owned())]);
    }

    #[test]
    fn a_role_may_decrypt_if_the_policy_leaves_it_to_iam_or_names_the_role() {
        let role = "arn:aws:iam::123456789012:role/rotation";
        let stack =
            Stack { outputs: [("RotationRoleArn".to_owned(), role.to_owned())].into(), ..Stack::default() };
        let policy = |principal: Value, action: &str| json!({"Statement": {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}});
        for (policy, is_missing) in [
            (policy(json!({"AWS": "arn:aws:iam::123456789012:root"}), "kms:*"), false),
            (policy(json!({"AWS": "123456789012"}), "kms:Decrypt"), false),
            (policy(json!({"AWS": [role]}), "kms:Decrypt"), false),
            (policy(json!("*"), "kms:*"), false),
            (policy(json!({"AWS": role}), "kms:Encrypt"), true),
            (policy(json!({"AWS": "arn:aws:iam::123456789012:role/other"}), "kms:*"), true),
            (policy(json!({"AWS": "arn:aws:iam::210987654321:root"}), "kms:*"), true),
        ] {
            let rows = roles(&key("Enabled", &policy), &stack);
            assert_eq!(!rows.is_empty(), is_missing, "{policy} {rows:?}");
        }
    }
}
