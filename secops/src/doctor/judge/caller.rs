//! Who calls, and what they may not see.

use std::collections::BTreeSet;

use crate::aws::sts::Caller;
use crate::doctor::check::Check;
use crate::doctor::facts::{Facts, Seen, Unseen};
use crate::doctor::report::Row;

pub(super) fn rows(facts: &Facts) -> Vec<Row> {
    vec![identity(facts.caller.as_ref()), permissions(&denied(facts))]
}

fn identity(caller: Result<&Caller, &Unseen>) -> Row {
    match caller {
        Ok(caller) if caller.arn.ends_with(":root") => Row::warning(
            Check::CallerIdentity,
            format!("{}: the account's root user", caller.arn),
            "Use a role with the policy of the output SecopsLooksPolicyArn.",
        ),
        Ok(caller) => Row::ok(Check::CallerIdentity, caller.arn.as_str()),
        Err(unseen) => Row::unseen(Check::CallerIdentity, unseen),
    }
}

fn permissions(denied: &BTreeSet<&'static str>) -> Row {
    if denied.is_empty() {
        return Row::ok(Check::CallerPermissions, "nothing was denied");
    }
    let all = denied.iter().copied().collect::<Vec<_>>().join(", ");
    Row::unknown(
        Check::CallerPermissions,
        format!("the caller lacks {all}"),
        "Attach the policy of the output SecopsLooksPolicyArn to the caller's role. What the cluster shows also needs \
         lambda:InvokeFunction on secret2eks.",
    )
}

/// The permissions that the caller lacks.
fn denied(facts: &Facts) -> BTreeSet<&'static str> {
    let mut denied = BTreeSet::new();
    note(&mut denied, &facts.caller);
    note(&mut denied, &facts.stack);
    note(&mut denied, &facts.resources);
    facts.functions.values().for_each(|seen| note(&mut denied, seen));
    note(&mut denied, &facts.rotation_policy);
    facts.mappings.values().for_each(|seen| note(&mut denied, seen));
    facts.queues.values().for_each(|seen| note(&mut denied, seen));
    facts.topics.values().for_each(|seen| note(&mut denied, seen));
    note(&mut denied, &facts.trails);
    for key in [Some(&facts.stack_key), facts.secrets_key.as_ref()].into_iter().flatten() {
        note(&mut denied, key);
        if let Ok(Some(key)) = key {
            key.policy.iter().for_each(|policy| note(&mut denied, policy));
        }
    }
    facts.schedules.values().for_each(|seen| note(&mut denied, seen));
    facts.rules.values().for_each(|seen| note(&mut denied, seen));
    note(&mut denied, &facts.secrets);
    facts.inspections.values().for_each(|seen| note(&mut denied, seen));
    note(&mut denied, &facts.routes);
    if let Some(cluster) = &facts.cluster {
        note(&mut denied, &cluster.described);
        note(&mut denied, &cluster.entry);
        note(&mut denied, &cluster.look);
    }
    denied
}

fn note<T>(denied: &mut BTreeSet<&'static str>, seen: &Seen<T>) {
    if let Err(Unseen::Denied(permission)) = seen {
        denied.insert(permission);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::State;

    #[test]
    fn the_root_user_is_a_warning_and_an_unknown_caller_is_unknown() {
        let caller = |arn: &str| Caller { arn: arn.to_owned(), account: "123456789012".to_owned() };
        let role = caller("arn:aws:sts::123456789012:assumed-role/secops/ada");
        assert_eq!(identity(Ok(&role)).state, State::Ok);
        assert_eq!(identity(Ok(&caller("arn:aws:iam::123456789012:root"))).state, State::Warning);
        assert_eq!(identity(Err(&Unseen::NoTime)).state, State::Unknown);
    }

    #[test]
    fn each_missing_permission_is_named_once() {
        assert_eq!(permissions(&BTreeSet::new()).state, State::Ok);
        let mut missing = BTreeSet::new();
        for permission in ["sqs:GetQueueAttributes", "kms:DescribeKey", "sqs:GetQueueAttributes"] {
            note(&mut missing, &Err::<(), _>(Unseen::Denied(permission)));
        }
        note(&mut missing, &Err::<(), _>(Unseen::NoTime));
        let row = permissions(&missing);
        assert_eq!(row.state, State::Unknown);
        assert_eq!(row.seen, "the caller lacks kms:DescribeKey, sqs:GetQueueAttributes");
    }
}
