//! The page as Markdown: three tables.

use anyhow::{Context as _, Result, bail};

use super::{Cell, Difference, Page, WORDS, Word};
use crate::contract::ContractRow;

const HEAD: &str = "\
# Conformance of the contract

`cargo xtask conformance` asks the rows of [CONTRACT.md](CONTRACT.md) of three judges and writes this page. The judge
*account* is a real account of AWS. *emulator* is the testbed's, through the public endpoints alone. *moto* is the server
of moto, an emulator by other people; it is asked about Secrets Manager only. What an emulator confirms is not confirmed
for AWS.

- *confirmed*, *contradicted*: the judge did what the row says, or something else.
- *unknown*: the judge was asked, and the row could not be decided. `target/conformance.md` of the run says why.
- *not built*: no function asks it yet. *not played*: the judge does not have it. *own*: AWS has no such thing.

A contradicted row fails the build. A difference of moto does not, if a note below says who was wrong and names the page of
AWS: *moto*, or *unpublished* if the page does not decide it.

## Rows

| row | account | emulator | moto |
|---|---|---|---|
";
const DIFFERENCES: &str = "
## Where a judge differs

| row | judge | what it did | wrong | page |
|---|---|---|---|---|
";
const OBSERVED: &str = "
## Observed

What AWS does not publish, as a judge did it. Only the lines of *account* are about AWS.

| row | judge | what was seen |
|---|---|---|
";

/// The page as text. Rows have the order of the contract.
#[must_use]
pub fn render(contract: &[ContractRow], page: &Page) -> String {
    let mut text = String::from(HEAD);
    for row in contract {
        let Some(cells) = page.rows.get(&row.id) else { continue };
        let cells = cells.each_ref().map(cell_text);
        text += &format!("| {} | {} |\n", row.id, cells.join(" | "));
    }
    text += DIFFERENCES;
    let order = |id: &str| contract.iter().position(|row| row.id == id);
    let mut differences: Vec<_> = page.differences.iter().collect();
    differences.sort_by_key(|((id, judge), _)| (order(id), judge.clone()));
    for ((id, judge), Difference { what, wrong, page }) in differences {
        text += &format!("| {id} | {judge} | {} | {wrong} | {page} |\n", escaped(what));
    }
    text += OBSERVED;
    let mut observed: Vec<_> = page.observed.iter().collect();
    observed.sort_by_key(|((id, judge), _)| (order(id), judge.clone()));
    for ((id, judge), what) in observed {
        text += &format!("| {id} | {judge} | {} |\n", escaped(what));
    }
    text
}

fn cell_text(cell: &Cell) -> String {
    format!("{} {}", cell.word.text(), cell.when).trim().to_owned()
}

/// A bar would end the cell.
fn escaped(text: &str) -> String {
    text.replace('|', "/")
}

/// Reads the tables of a page.
///
/// # Errors
/// When a line of a table has another form.
pub fn parse(text: &str) -> Result<Page> {
    let mut page = Page::default();
    for (number, line) in (1..).zip(text.lines()) {
        let Some(inner) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else { continue };
        let cells: Vec<&str> = inner.split(" | ").map(str::trim).collect();
        if cells.first() == Some(&"row") {
            continue;
        }
        read_line(&mut page, &cells).with_context(|| format!("line {number} of the page"))?;
    }
    Ok(page)
}

fn read_line(page: &mut Page, cells: &[&str]) -> Result<()> {
    match cells {
        [id, judge, what, wrong, decides] => {
            let note = Difference {
                what: (*what).to_owned(),
                wrong: (*wrong).to_owned(),
                page: (*decides).to_owned(),
            };
            page.differences.insert(((*id).to_owned(), (*judge).to_owned()), note);
        }
        [id, account, emulator, moto] => {
            let cells = [cell(account)?, cell(emulator)?, cell(moto)?];
            if page.rows.insert((*id).to_owned(), cells).is_some() {
                bail!("{id} is there twice");
            }
        }
        [id, judge, what] => {
            page.observed.insert(((*id).to_owned(), (*judge).to_owned()), (*what).to_owned());
        }
        _ => bail!("a table has 3, 4 or 5 columns, not {}", cells.len()),
    }
    Ok(())
}

fn cell(text: &str) -> Result<Cell> {
    let known = |(word, start): &(Word, &str)| Some((*word, text.strip_prefix(start)?.trim()));
    let (word, when) = WORDS.iter().find_map(known).with_context(|| format!("`{text}` is no status"))?;
    Ok(Cell { word, when: when.to_owned() })
}
