use super::*;
use crate::fault_matrix::place::Place;
use crate::fault_matrix::point::Turn;
use crate::fault_matrix::selection::{Selection, units};

fn key(commit: &str) -> Key {
    Key { commit: commit.to_owned(), suite: "trixie".to_owned() }
}

fn points() -> Vec<Point> {
    let point = |call: &str| Point {
        turn: Turn::First,
        place: Place::Amqps,
        step: "testSecret".to_owned(),
        call: call.to_owned(),
        nth: 1,
    };
    vec![point("login"), point("second login")]
}

fn piece(unit: &Unit, moment: Moment, violation: Option<&str>) -> Line {
    let outcome = Outcome { attempts: 2, violation: violation.map(str::to_owned), ..Outcome::default() };
    let cells = vec![(Hypothesis::SameToken, outcome)];
    Line::Piece(Piece { unit: unit.name(), moment, cells })
}

fn trade(run: usize, holds: bool) -> Line {
    let text = "| orders |\n|---|".to_owned();
    Line::Trade(Trade { moment: Moment { run, after_ms: 9 }, took_ms: 9, holds, text })
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
}

/// The heading and the first three units, in two runs. The second unit was violated.
fn lines() -> (Vec<Unit>, Vec<Line>) {
    let all = units(&points(), &Selection::All);
    let heading = Heading { key: key("abc"), broker: "4.0.5".to_owned(), points: points() };
    let moments = [(1, 4_000), (1, 7_000), (2, 5_000)].map(|(run, after_ms)| Moment { run, after_ms });
    let lines = vec![
        Line::Heading(heading),
        piece(&all[0], moments[0], None),
        piece(&all[1], moments[1], Some("it broke")),
        piece(&all[2], moments[2], None),
    ];
    (all, lines)
}

#[test]
fn a_run_goes_on_with_what_no_run_of_its_commit_has_finished() {
    let (all, lines) = lines();
    let (kept, whole) = Pieces::read(text(&lines).as_bytes(), &key("abc")).unwrap();
    assert_eq!(whole, text(&lines).len());
    assert_eq!(kept.heading.as_ref().unwrap().points, points(), "the recorded calls stay the same");
    assert_eq!(kept.left(all.clone(), false), all[3..]);
    assert_eq!(kept.next_run(), 3);
    assert_eq!(kept.runs(), (2, Duration::from_secs(12)), "7 s and 5 s");
}

#[test]
fn a_violated_piece_is_run_again_only_when_that_is_asked_for_and_the_first_result_stays() {
    let (all, mut lines) = lines();
    let (kept, _) = Pieces::read(text(&lines).as_bytes(), &key("abc")).unwrap();
    assert_eq!(kept.left(all.clone(), true), [&all[1..2], &all[3..]].concat());
    lines.push(piece(&all[1], Moment { run: 3, after_ms: 1 }, None));
    let (kept, _) = Pieces::read(text(&lines).as_bytes(), &key("abc")).unwrap();
    assert_eq!(kept.left(all.clone(), true), all[3..], "it held the second time");
    assert_eq!(kept.units[&all[1].name()].len(), 2);
    assert!(kept.units[&all[1].name()][0].violated());
}

#[test]
fn a_line_that_was_cut_by_a_kill_is_left_out_wherever_it_was_cut() {
    let (all, lines) = lines();
    let text = text(&lines);
    for cut in 0..text.len() {
        let (kept, whole) = Pieces::read(&text.as_bytes()[..cut], &key("abc")).unwrap();
        let lines_left = text[..cut].matches('\n').count();
        assert_eq!(whole, text[..cut].rfind('\n').map_or(0, |at| at + 1), "{cut}");
        assert_eq!(kept.heading.is_some(), lines_left > 0, "{cut}");
        assert_eq!(kept.left(all.clone(), false), all[lines_left.saturating_sub(1)..], "{cut}");
    }
}

#[test]
fn pieces_of_another_commit_or_broker_and_broken_files_are_refused() {
    let (_, lines) = lines();
    let text = text(&lines);
    let refusal = |text: &str, key: &Key| format!("{:#}", Pieces::read(text.as_bytes(), key).unwrap_err());
    assert!(refusal(&text, &key("def")).contains("commit abc"));
    let other_broker = Key { suite: "forky".to_owned(), ..key("abc") };
    assert!(refusal(&text, &other_broker).contains("the broker of trixie"));
    let broken = text.replacen("it broke\"", "it broke", 1);
    assert!(refusal(&broken, &key("abc")).contains("line 3"));
    let (heading, rest) = text.split_once('\n').unwrap();
    assert!(refusal(rest, &key("abc")).contains("the heading is the first line"));
    assert!(refusal(&format!("{heading}\n{text}"), &key("abc")).contains("line 2"));
}

#[test]
fn the_store_trades_once_and_again_only_when_it_failed_and_that_is_asked_for() {
    let (_, mut lines) = lines();
    let read = |lines: &[Line]| Pieces::read(text(lines).as_bytes(), &key("abc")).unwrap().0;
    assert!(read(&lines).store_is_left(false));
    lines.push(trade(3, false));
    assert_eq!([false, true].map(|again| read(&lines).store_is_left(again)), [false, true]);
    assert_eq!((read(&lines).next_run(), read(&lines).runs().0), (4, 2));
    lines.push(trade(4, true));
    assert_eq!([false, true].map(|again| read(&lines).store_is_left(again)), [false; 2]);
}
