//! Every kind of failure has a section in one of the playbooks, with the kind as its anchor: alerts link to
//! `PAGE.md#KIND`. An alarm that goes directly to people names its playbook, because it has no such link.
//!
//! A page names the command of `secops` first. The AWS CLI is for the day when `secops` cannot be used.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result};

use crate::{template_rules, workspace};

const KINDS: &str = "contract/src/kind.rs";
const PLAYBOOKS: &str = "infra/playbooks";
const TEMPLATE: &str = "infra/template.yaml";
/// The topic that alarms publish to directly, without a function in between.
const TOPIC_OF_ALARMS: &str = "AlarmTopic";

/// A part of a command of the AWS CLI, and the command of `secops` that does the same.
const SAME: [(&str, &str); 6] = [
    ("secretsmanager rotate-secret", "secops rotate "),
    ("fileb://revoke.json", "secops revoke "),
    ("fileb://adopt.json", "secops adopt "),
    ("--function-name \"$DELIVERY\"", "secops deliver "),
    ("--function-name \"$WATCH\"", "secops due"),
    ("dynamodb scan", "secops incidents"),
];

/// Kinds without a section and sections without a kind, and commands that come before those of `secops`, one line each.
///
/// # Errors
/// When one of the two files cannot be read.
pub fn violations() -> Result<Vec<String>> {
    let (mut pages, mut late) = (String::new(), Vec::new());
    for entry in fs::read_dir(workspace::root().join(PLAYBOOKS)).context("cannot list the playbooks")? {
        let page = entry?.path();
        let text = fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        late.extend(before_secops(&text).map(|problem| format!("{}: {problem}", page.display())));
        pages += &text;
    }
    let mut found = differences(&workspace::read(KINDS)?, &pages);
    found.extend(late);
    found.extend(alarms_without_a_page(&workspace::read(TEMPLATE)?));
    Ok(found)
}

/// The names of alarms for people whose description names no existing page.
fn alarms_without_a_page(template: &str) -> Vec<String> {
    let names_a_page = |description: &str| {
        let mut words = description.split([' ', '"']).map(|word| word.trim_end_matches('.'));
        words.any(|word| word.ends_with(".md") && workspace::root().join(PLAYBOOKS).join(word).is_file())
    };
    template_rules::alarms(template)
        .filter(|alarm| template_rules::speaks_on(alarm, TOPIC_OF_ALARMS))
        .map(|alarm| template_rules::field(alarm, "AlarmDescription:").unwrap_or_default())
        .filter(|description| !names_a_page(description))
        .map(|description| {
            format!("{TEMPLATE} has an alarm for people that names no playbook: {description}")
        })
        .collect()
}

/// The commands of the AWS CLI that a page names before the command of `secops`, or without it.
fn before_secops(page: &str) -> impl Iterator<Item = String> {
    // A command inside a sentence may continue on the next line.
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_late = move |(cli, secops): &(&str, &str)| {
        page.find(cli).is_some_and(|at| page.find(secops).is_none_or(|first| first > at))
    };
    let said = |(cli, secops)| format!("`{cli}` comes before `{secops}`, which does the same");
    SAME.into_iter().filter(is_late).map(said)
}

fn differences(kinds: &str, pages: &str) -> Vec<String> {
    let kinds: BTreeSet<&str> = kinds.lines().filter_map(kind_of).collect();
    let anchors: BTreeSet<&str> =
        pages.lines().filter_map(anchor_of).filter(|anchor| anchor.contains('.')).collect();
    let missing = kinds.difference(&anchors).map(|kind| format!("{PLAYBOOKS} has no section for {kind}"));
    let unknown = anchors
        .difference(&kinds)
        .map(|kind| format!("{PLAYBOOKS} has a section for {kind}, which is no kind"));
    let empty = kinds.is_empty().then(|| format!("{KINDS} names no kind: has its table changed?"));
    missing.chain(unknown).chain(empty).collect()
}

/// A row of the table: `BrokerUnreachable = "broker.unreachable", Warning, true;`
fn kind_of(line: &str) -> Option<&str> {
    let (variant, rest) = line.trim().split_once(" = \"")?;
    let (kind, rest) = rest.split_once('"')?;
    let is_row = variant.chars().all(char::is_alphanumeric) && rest.ends_with(';');
    (is_row && kind.contains('.')).then_some(kind)
}

/// A heading's anchor: `<a id="broker.unreachable"></a>`
fn anchor_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix("<a id=\"")?.strip_suffix("\"></a>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_for_people_that_names_no_page_is_found() {
        let alarm = |description: &str, topic: &str| {
            format!(
                "  A:\n    Type: AWS::CloudWatch::Alarm\n      AlarmDescription: \"{description}\"\n      AlarmActions: [!Ref {topic}]\n"
            )
        };
        let found = |description: &str, topic: &str| alarms_without_a_page(&alarm(description, topic)).len();
        assert_eq!(found("It fails. See when-nothing-works.md.", "AlarmTopic"), 0);
        assert_eq!(found("It fails.", "AlarmTopic"), 1);
        assert_eq!(found("It fails. See no-such-page.md.", "AlarmTopic"), 1);
        assert_eq!(found("It fails.", "DeadLetterTopic"), 0, "the handler's alert names the page");
    }

    #[test]
    fn a_page_that_names_the_aws_cli_first_is_found() {
        let found = |page: &str| before_secops(page).count();
        let cli = "Rotate: `aws secretsmanager\n   rotate-secret --secret-id X`.";
        let secops = "Run `secops rotate X`.";
        assert_eq!(found(&format!("{secops} Without `secops`: {cli}")), 0);
        assert_eq!(found(&format!("{cli} {secops}")), 1);
        assert_eq!(found(cli), 1);
        assert_eq!(found(secops), 0);
    }

    #[test]
    fn a_kind_without_a_section_is_found_and_so_is_the_reverse() {
        let kinds = "    /// Doc.\n    A = \"a.one\", Error, false;\n    B = \"b.two\", Warning, true;\n";
        let both = "<a id=\"a.one\"></a>\n## a.one\n<a id=\"b.two\"></a>\n";
        assert!(differences(kinds, both).is_empty());
        assert_eq!(differences(kinds, "<a id=\"a.one\"></a>").len(), 1);
        assert_eq!(differences(kinds, &format!("{both}<a id=\"c.three\"></a>")).len(), 1);
        assert!(!differences("", "").is_empty());
    }
}
