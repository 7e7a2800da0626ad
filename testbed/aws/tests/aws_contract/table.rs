//! Checks that every row of the table has a test and every test has a row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};

const CONTRACT: &str = include_str!("../../CONTRACT.md");

/// A row of the contract.
struct Row<'a> {
    id: &'a str,
    source: &'a str,
    test: &'a str,
}

#[test]
fn every_row_of_the_contract_has_a_test_and_every_test_a_row() -> Result<()> {
    let rows = rows();
    let proofs: BTreeSet<&str> = rows.iter().map(|row| row.test).collect();
    let tests = tests()?;
    assert_eq!(
        proofs,
        tests.iter().map(String::as_str).collect(),
        "left: named in CONTRACT.md, right: in the files"
    );

    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *ids.entry(row.id).or_default() += 1;
        let follows_aws = row.source.contains("docs.aws.amazon.com/") && row.source.contains(".html");
        let is_own = ["unpublished", "the testbed's own"].iter().any(|word| row.source.contains(word));
        assert!(follows_aws || is_own, "{}: {}", row.id, row.source);
    }
    assert_eq!(ids.values().max(), Some(&1), "{ids:?}");
    Ok(())
}

fn rows() -> Vec<Row<'static>> {
    let cells = |line: &'static str| -> Option<Row<'static>> {
        let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
        let [id, _what, source, test, ""] = cells.as_slice() else { return None };
        let test = test.strip_prefix('`')?.strip_suffix('`')?;
        Some(Row { id, source, test })
    };
    CONTRACT.lines().filter_map(cells).collect()
}

/// The names of the asynchronous tests of this folder.
fn tests() -> Result<BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws_contract");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(entry?.path())?;
        for (_, after) in
            text.match_indices("#[tokio::test]\n").map(|(at, mark)| text.split_at(at + mark.len()))
        {
            let name = after.strip_prefix("async fn ").and_then(|rest| rest.split('(').next());
            found.insert(name.context("a test that is no `async fn`")?.to_owned());
        }
    }
    Ok(found)
}
