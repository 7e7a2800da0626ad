//! Decides on facts, and calls nothing. Each check has a function here, and a table of tests beside it.

use std::collections::BTreeMap;

use super::check::Check;
use super::facts::{Facts, Seen, Unseen};
use super::report::Row;

mod alerts;
mod caller;
mod cluster;
mod functions;
mod keys;
mod parameters;
mod queues;
mod secrets;
mod spelling;
mod stack;
mod tags;
mod timers;
mod trail;

/// The rows of all checks.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Row> {
    let stack = facts.stack.as_ref();
    let mut rows = caller::rows(facts);
    rows.extend(stack::rows(stack, facts.resources.as_ref()));
    rows.extend(parameters::rows(stack));
    rows.extend(functions::rows(facts));
    rows.extend(queues::rows(facts));
    rows.extend(alerts::rows(facts));
    rows.push(trail::row(facts.trails.as_deref()));
    rows.extend(keys::rows(facts));
    rows.extend(timers::rows(facts));
    rows.extend(secrets::rows(facts));
    rows.extend(cluster::rows(facts.cluster.as_ref()));
    rows
}

/// A row for each part of the stack that exists once in the template and again in AWS.
fn each<T>(
    check: Check,
    facts: &Facts,
    parts: &BTreeMap<String, Seen<Option<T>>>,
    judge: impl Fn(&str, &T) -> Row,
) -> Vec<Row> {
    if let Err(unseen) = &facts.resources {
        let unseen = match unseen {
            Unseen::NoTime => Unseen::NoTime,
            _ => Unseen::DependsOn("the stack"),
        };
        return vec![Row::unseen(check, &unseen)];
    }
    let rows = parts.iter().map(|(name, part)| {
        let row = match part {
            Ok(Some(part)) => judge(name, part),
            Ok(None) => Row::broken(
                check,
                "CloudFormation has created it, and it does not exist any more",
                "Find out who deleted it (CloudTrail). CloudFormation does not notice it by itself: rename its logical id in the \
                 template and deploy, or create it again under the same name.",
            ),
            Err(unseen) => Row::unseen(check, unseen),
        };
        row.of(name)
    });
    rows.collect()
}
