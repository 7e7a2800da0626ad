//! The event of Terraform's `aws_lambda_invocation` with `lifecycle_scope = "CRUD"`: the input, and beside it `tf` with the
//! action and the previous input.
//! <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_invocation>

use super::{Id, Request, Work};
use crate::decide::Purpose;
use crate::properties::{EventError, Fields, Identity, Wanted};

/// The field that Terraform adds.
const KEY: &str = "tf";

pub(super) fn parse(event: &Fields<'_>) -> Result<Request, EventError> {
    let life_cycle = event.object(KEY)?.ok_or_else(|| event.wrong(KEY, "an object"))?;
    let action = match life_cycle.text("action", 1..=16)? {
        "create" => "createUser",
        "update" => "updateUser",
        "delete" => "deleteUser",
        _ => return Err(life_cycle.wrong("action", "`create`, `update` or `delete`")),
    };
    Ok(Request { action, envelope: None, work: work(action, event, &life_cycle) })
}

fn work(action: &str, event: &Fields<'_>, life_cycle: &Fields<'_>) -> Result<Work, EventError> {
    if action == "deleteUser" {
        return Ok(Work::Delete { identity: Identity::read(event)?, id: Id::Ours });
    }
    let wanted = Wanted::read(event, &[KEY])?;
    // A Create has none, or null.
    let previous = life_cycle.object("prev_input").ok().flatten().filter(|_| action == "updateUser");
    let previous = previous.and_then(|previous| Identity::read(&previous).ok());
    let is_same = previous.as_ref() == Some(&wanted.identity);
    let purpose = if is_same { Purpose::Update } else { Purpose::Create };
    // Terraform updates in place. It never asks to delete the user that is replaced.
    let is_replaced = |previous: &Identity| previous.physical_id() != wanted.identity.physical_id();
    let replaced = previous.filter(is_replaced);
    Ok(Work::Ensure { wanted, purpose, replaced })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::parse;
    use super::*;

    fn input(username: &str, suffix: &str) -> Value {
        json!({
            "Broker": "b-1", "Username": username,
            "SecretArn": format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/x-{suffix}"),
        })
    }

    fn work(action: &str, input: &Value, previous: &Value) -> Result<Work, EventError> {
        let mut event = input.clone();
        event["tf"] = json!({"action": action, "prev_input": previous});
        let request = parse(&event, None)?;
        assert!(request.envelope.is_none());
        request.work
    }

    #[test]
    fn each_action_of_terraform_has_its_work() -> Result<(), EventError> {
        let (one, other) = (input("payment", "AbCdEf"), input("order", "AbCdEf"));
        let other_secret = input("payment", "GhIjKl");
        let null = Value::Null;
        let broken = json!({"Username": 7});
        for (action, input, previous, purpose, replaced) in [
            ("create", &one, &null, Purpose::Create, None),
            ("update", &one, &one, Purpose::Update, None),
            ("update", &other, &one, Purpose::Create, Some("b-1/payment")),
            ("update", &other_secret, &one, Purpose::Create, None),
            ("update", &one, &broken, Purpose::Create, None),
        ] {
            match work(action, input, previous)? {
                Work::Ensure { purpose: found, replaced: old, .. } => {
                    assert_eq!(found, purpose, "{action} {input} {previous}");
                    let old = old.map(|old| old.physical_id());
                    assert_eq!(old.as_deref(), replaced, "{action} {input} {previous}");
                }
                other => panic!("{action}: {other:?}"),
            }
        }
        let deleted = work("delete", &one, &one)?;
        assert!(matches!(deleted, Work::Delete { id: Id::Ours, .. }), "{deleted:?}");
        Ok(())
    }

    #[test]
    fn other_actions_and_unknown_properties_are_refused_and_a_deletion_needs_only_the_names() {
        let mut odd = input("payment", "AbCdEf");
        odd["Permission"] = json!([]);
        for action in ["read", "Create", ""] {
            assert!(work(action, &input("payment", "AbCdEf"), &Value::Null).is_err(), "{action}");
        }
        for action in ["create", "update"] {
            assert!(work(action, &odd, &odd).is_err(), "{action}");
        }
        assert!(work("delete", &odd, &odd).is_ok());
    }
}
