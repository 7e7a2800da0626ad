//! The queues. Messages in a queue that no function reads wait for a person. In another queue, they wait for a moment.

use std::collections::BTreeSet;

use super::each;
use crate::doctor::check::Check;
use crate::doctor::facts::{Facts, QueueSeen};
use crate::doctor::report::Row;

/// More messages than a queue holds on an ordinary day.
const MANY: u64 = 20;
const PLAYBOOK: &str = "infra/playbooks/when-nothing-works.md";

pub(super) fn rows(facts: &Facts) -> Vec<Row> {
    let read: BTreeSet<&str> = facts
        .mappings
        .values()
        .filter_map(|mapping| mapping.as_ref().ok()?.as_ref())
        .map(|mapping| mapping.source.as_str())
        .collect();
    // If the mappings could not be read, it is not known which queues are read by a function.
    let is_known = facts.mappings.values().all(Result::is_ok) && !facts.mappings.is_empty();
    each(Check::QueuesWaiting, facts, &facts.queues, |_, queue| {
        waiting(queue, is_known.then(|| read.contains(queue.arn.as_str())))
    })
}

fn waiting(queue: &QueueSeen, is_read: Option<bool>) -> Row {
    let check = Check::QueuesWaiting;
    let QueueSeen { waiting, url, .. } = queue;
    match (*waiting, is_read) {
        (0, _) => Row::ok(check, "empty"),
        (_, Some(false)) => Row::broken(
            check,
            format!("{waiting} messages that no function reads: nobody was notified of them"),
            format!("{PLAYBOOK}#1-the-handler-is-down; the queue is {url}"),
        ),
        (1..=MANY, _) => Row::ok(check, format!("{waiting} messages, a function reads them")),
        _ => Row::warning(
            check,
            format!("{waiting} messages wait for their function"),
            format!("{PLAYBOOK}#1-the-handler-is-down"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::State;

    #[test]
    fn messages_matter_if_no_function_reads_them_or_if_they_are_many() {
        for (messages, is_read, expected) in [
            (0, Some(true), State::Ok),
            (0, Some(false), State::Ok),
            (3, Some(true), State::Ok),
            (3, None, State::Ok),
            (3, Some(false), State::Broken),
            (MANY + 1, Some(true), State::Warning),
            (MANY + 1, None, State::Warning),
            (MANY + 1, Some(false), State::Broken),
        ] {
            let queue = QueueSeen { waiting: messages, ..QueueSeen::default() };
            assert_eq!(waiting(&queue, is_read).state, expected, "{messages} {is_read:?}");
        }
    }
}
