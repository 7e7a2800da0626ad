//! Checks that `infra/policies` denies tenants every tag that the functions use, in upper and lower case.
//!
//! IAM ignores the case of the *name* in `aws:ResourceTag/NAME`. For the *values* of `aws:TagKeys`, the operator decides.
//! A case-sensitive policy denies `rotation-mq` and allows `Rotation-MQ`. The roles of the functions accept both.

use std::fs;

use anyhow::{Context as _, Result};

use crate::workspace;

const POLICIES: &str = "infra/policies";
const TAGS: &str = "contract/src/tags.rs";
/// The file with the default of the key of the rotation's tag.
const TEMPLATE: &str = "infra/template.yaml";
const OPERATOR: &str = "ForAnyValue:StringEqualsIgnoreCase";
const ACTIONS: [&str; 3] =
    ["secretsmanager:CreateSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource"];

/// The violations, one line each.
///
/// # Errors
/// When one of the files cannot be read.
pub fn violations() -> Result<Vec<String>> {
    let keys = keys(&workspace::read(TAGS)?, &workspace::read(TEMPLATE)?);
    let mut found = Vec::new();
    for entry in fs::read_dir(workspace::root().join(POLICIES)).context("cannot list the policies")? {
        let path = entry?.path();
        let name = format!("{POLICIES}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        found.extend(policy_violations(&name, &workspace::read(&name)?, &keys));
    }
    Ok(found)
}

/// The keys of the tags that the functions use: the constants of `Tags`, and the default of `RotationTagKey`.
fn keys(tags: &str, template: &str) -> Vec<String> {
    let constant = |line: &str| {
        let (_, value) = line.trim().strip_prefix("pub const ")?.split_once(": &str = \"")?;
        Some(value.strip_suffix("\";")?.to_owned())
    };
    let default = template
        .split_once("\n  RotationTagKey:\n")
        .and_then(|(_, rest)| rest.split_once("    Default: "))
        .and_then(|(_, rest)| rest.lines().next());
    tags.lines().filter_map(constant).chain(default.map(str::to_owned)).collect()
}

fn policy_violations(name: &str, text: &str, keys: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    if keys.len() < 2 {
        found.push(format!("{TAGS} names no keys: has it changed?"));
    }
    let mut denied = Vec::new();
    for (at, _) in text.match_indices("\"aws:TagKeys\"") {
        let (before, after) = text.split_at(at);
        let operator = before.rsplit_once("\": {").and_then(|(rest, _)| rest.rsplit('"').next());
        if operator != Some(OPERATOR) {
            let operator = operator.unwrap_or("no operator");
            found.push(format!("{name}: aws:TagKeys is compared by {operator} instead of {OPERATOR}"));
        }
        let list =
            after.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
        denied.extend(list.split('"').skip(1).step_by(2));
    }
    for key in keys.iter().filter(|key| !denied.contains(&key.as_str())) {
        found.push(format!("{name}: the tag {key} is missing in aws:TagKeys"));
    }
    for action in ACTIONS.iter().filter(|action| !text.contains(&format!("\"{action}\""))) {
        found.push(format!("{name}: {action} is missing"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: &str = "impl Tags {
    /// One.
    pub const NAMESPACE: &str = \"secret2eks/namespace\";
    pub const TENANT: &str = \"tenant\";
    const OTHER: &str = \"not one\";
";
    const TEMPLATE: &str = "Parameters:
  RotationTagKey:
    Type: String
    Default: rotation-mq
";
    const POLICY: &str = r#"{"Statement": [{
        "Effect": "Deny",
        "Action": ["secretsmanager:CreateSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource"],
        "Condition": {
          "ForAnyValue:StringEqualsIgnoreCase": {
            "aws:TagKeys": ["secret2eks/namespace", "tenant", "rotation-mq", "another"]
          }
        }}]}"#;

    fn found(policy: &str) -> Vec<String> {
        policy_violations("p.json", policy, &keys(TAGS, TEMPLATE))
    }

    #[test]
    fn a_key_that_is_missing_and_a_comparison_with_case_are_found() {
        assert_eq!(keys(TAGS, TEMPLATE), ["secret2eks/namespace", "tenant", "rotation-mq"]);
        assert_eq!(found(POLICY), Vec::<String>::new());
        for key in ["secret2eks/namespace", "tenant", "rotation-mq"] {
            let without = POLICY.replace(&format!("\"{key}\""), "\"x\"");
            assert_eq!(found(&without), [format!("p.json: the tag {key} is missing in aws:TagKeys")]);
            // A key with other case is missing, too.
            assert_eq!(found(&POLICY.replace(key, &key.to_uppercase())).len(), 1, "{key}");
        }
        for operator in ["StringLike", "StringEquals", "StringNotEquals"] {
            let other = POLICY.replace("StringEqualsIgnoreCase", operator);
            assert_eq!(found(&other).len(), 1, "{operator}");
        }
        assert_eq!(found(&POLICY.replace("ForAnyValue:", "ForAllValues:")).len(), 1);
        assert_eq!(found(&POLICY.replace("secretsmanager:UntagResource", "x")).len(), 1);
        assert_eq!(found("{}").len(), 6);
        assert_eq!(policy_violations("p.json", POLICY, &[]).len(), 1);
    }

    #[test]
    fn the_policies_of_this_project_keep_the_rules() -> Result<()> {
        assert_eq!(violations()?, Vec::<String>::new());
        Ok(())
    }
}
