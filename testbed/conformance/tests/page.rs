//! The committed page beside the contract: a contradicted row fails here.

use conformance::page::{self, Cell, Word};
use conformance::target::Judge;
use conformance::{contract, rows};

#[test]
fn no_row_of_the_contract_is_contradicted() -> anyhow::Result<()> {
    let page = page::read(&page::path())?;
    assert_eq!(page::violations(&contract::rows(), &page), Vec::<String>::new());
    Ok(())
}

#[test]
fn a_row_that_is_contradicted_would_fail() -> anyhow::Result<()> {
    let whole = page::read(&page::path())?;
    for (column, judge) in Judge::ALL.into_iter().enumerate() {
        for row in rows::all().iter().filter(|row| row.is_for(judge)) {
            let mut page = whole.clone();
            let key = (row.id.to_owned(), judge.name().to_owned());
            page.differences.remove(&key);
            let when = if judge == Judge::Account { "2026-11-29 eu-central-1" } else { "2026-11-29" };
            let cells = page.rows.get_mut(row.id).expect("the page has each row");
            cells[column] = Cell { word: Word::Contradicted, when: when.into() };
            let found = page::violations(&contract::rows(), &page);
            assert_eq!(found.len(), 1, "{} {}: {found:?}", row.id, judge.name());
        }
    }
    Ok(())
}

#[test]
fn the_page_is_as_the_program_writes_it() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(page::path())?;
    assert_eq!(text, page::render(&contract::rows(), &page::parse(&text)?), "run with --page");
    Ok(())
}
