use super::*;
use crate::{contract, rows};

fn outcome(verdict: Verdict) -> Outcome {
    Outcome {
        judge: Judge::Moto,
        run: "20261129-092512".into(),
        region: "us-east-1".into(),
        date: "2026-11-29".into(),
        answers: vec![Answer { id: "V2".into(), verdict, took: Duration::from_millis(3) }],
        beyond: BTreeMap::new(),
    }
}

#[test]
fn a_run_changes_only_its_own_column_and_what_is_new() {
    let (rows, contract, mut page) = (rows::all(), contract::rows(), Page::default());
    outcome(Verdict::Confirmed(Some("seen".into()))).write_into(&mut page, &rows, &contract);
    assert_eq!(page.rows.len(), contract.len());
    let words = |page: &Page| page.rows["V2"].each_ref().map(|cell| cell.word);
    assert_eq!(words(&page), [Word::NeverRun, Word::NeverRun, Word::Confirmed]);
    assert_eq!(page.observed.len(), 1);

    let later = Outcome { date: "2026-12-24".into(), ..outcome(Verdict::Confirmed(None)) };
    later.write_into(&mut page, &rows, &contract);
    assert_eq!(page.rows["V2"][2].when, "2026-11-29", "the same answer keeps its date");
    assert!(page.observed.is_empty());
}

#[test]
fn a_new_difference_waits_for_a_judgement() {
    let (rows, contract, mut page) = (rows::all(), contract::rows(), Page::default());
    // moto is known to differ here.
    outcome(Verdict::Contradicted("moved".into())).write_into(&mut page, &rows, &contract);
    assert_eq!(page::violations(&contract, &page), Vec::<String>::new());
    assert_eq!(page.differences.len(), 1);
    // It goes with the difference.
    outcome(Verdict::Confirmed(None)).write_into(&mut page, &rows, &contract);
    assert!(page.differences.is_empty());

    let mut new = outcome(Verdict::Contradicted("moved".into()));
    new.answers[0].id = "V4".into();
    new.write_into(&mut page, &rows, &contract);
    let found = page::violations(&contract, &page);
    assert!(found.len() == 1 && found[0].contains("judge the difference"), "{found:?}");
}

#[test]
fn a_value_is_never_stored() {
    let outcome = outcome(Verdict::Contradicted(format!("found {VALUE}first")));
    let folder = std::env::temp_dir();
    assert!(outcome.store(&folder, &rows::all()).is_err());
}
