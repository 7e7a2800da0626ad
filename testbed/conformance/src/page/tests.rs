use super::*;

fn contract() -> Vec<ContractRow> {
    ["V1", "V2", "A4"].map(|id| ContractRow { id: id.into(), pages: vec![] }).into()
}

fn cell(word: Word, when: &str) -> Cell {
    Cell { word, when: when.into() }
}

fn page() -> Page {
    let answered =
        [cell(Word::NeverRun, ""), cell(Word::Confirmed, "2026-11-29"), cell(Word::Confirmed, "2026-11-29")];
    let mut page = Page::default();
    page.rows.insert("V1".into(), answered.clone());
    page.rows.insert("V2".into(), answered);
    page.rows.insert("A4".into(), [cell(Word::Own, ""), cell(Word::Own, ""), cell(Word::Own, "")]);
    page.observed.insert(("V1".into(), "emulator".into()), "something".into());
    page
}

fn note(wrong: &str) -> Difference {
    let page = "https://docs.aws.amazon.com/x.html".into();
    Difference { what: "it moved the label".into(), wrong: wrong.into(), page }
}

fn set(page: &mut Page, row: &str, judge: Judge, cell: Cell) {
    let column = Judge::ALL.iter().position(|known| *known == judge).unwrap();
    page.rows.get_mut(row).unwrap()[column] = cell;
}

#[test]
fn a_page_is_read_as_it_was_written() {
    let mut page = page();
    set(&mut page, "V2", Judge::Moto, cell(Word::Contradicted, "2026-11-29"));
    set(&mut page, "V2", Judge::Account, cell(Word::Confirmed, "2026-12-01 eu-central-1"));
    page.differences.insert(("V2".into(), "moto".into()), note("moto"));
    let text = render(&contract(), &page);
    assert_eq!(parse(&text).unwrap(), page, "{text}");
    assert_eq!(violations(&contract(), &page), Vec::<String>::new());
}

#[test]
fn a_contradicted_row_fails() {
    for judge in [Judge::Account, Judge::Emulator, Judge::Moto] {
        let mut page = page();
        let when = if judge == Judge::Account { "2026-11-29 eu-central-1" } else { "2026-11-29" };
        set(&mut page, "V1", judge, cell(Word::Contradicted, when));
        let found = violations(&contract(), &page);
        assert!(found.len() == 1 && found[0].contains("contradicted"), "{found:?}");
        // A note excuses moto alone, and only if it names AWS's page.
        page.differences.insert(("V1".into(), judge.name().into()), note("moto"));
        assert_eq!(violations(&contract(), &page).is_empty(), judge == Judge::Moto);
        let without = Difference { page: "unpublished".into(), ..note("moto") };
        page.differences.insert(("V1".into(), judge.name().into()), without);
        assert!(!violations(&contract(), &page).is_empty());
        page.differences.insert(("V1".into(), judge.name().into()), note("contract"));
        assert!(!violations(&contract(), &page).is_empty(), "a wrong contract must change");
    }
}

#[test]
fn rows_without_a_line_lines_without_a_row_and_old_notes_fail() {
    let mut missing = page();
    missing.rows.remove("V2");
    let mut more = page();
    let cells = more.rows["V1"].clone();
    more.rows.insert("Z9".into(), cells);
    let mut old = page();
    old.differences.insert(("V1".into(), "moto".into()), note("moto"));
    for (page, expected) in
        [(missing, "V2: CONFORMANCE.md"), (more, "Z9: CONTRACT.md"), (old, "none any more")]
    {
        let found = violations(&contract(), &page);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn an_answer_without_its_date_fails() {
    for (judge, word, when) in [
        (Judge::Account, Word::Confirmed, "2026-11-29"),
        (Judge::Account, Word::Confirmed, ""),
        (Judge::Account, Word::Confirmed, "yesterday eu-central-1"),
        (Judge::Account, Word::NeverRun, "2026-11-29"),
        (Judge::Emulator, Word::Confirmed, ""),
        (Judge::Emulator, Word::Confirmed, "2026-11-29 eu-central-1"),
        (Judge::Moto, Word::NotPlayed, "2026-11-29"),
    ] {
        let mut page = page();
        set(&mut page, "V1", judge, cell(word, when));
        assert_eq!(violations(&contract(), &page).len(), 1, "{judge:?} {word:?} {when}");
    }
}

#[test]
fn a_table_of_another_form_is_refused() {
    assert!(parse("| V1 | maybe | confirmed 2026-11-29 | own |\n").is_err());
    assert!(parse("| V1 | own |\n").is_err());
    assert!(parse("| V1 | own | own | own |\n| V1 | own | own | own |\n").is_err());
}
