//! The report for people: first what is broken, with how to fix it, then what is well, in short.

use super::report::{Report, Row, State};
use crate::screen::table::{Cell, Table};
use crate::screen::text::{self, wrap};
use crate::screen::{Screen, Style};

/// Lines of the same check that are well are counted, not listed, beyond this number.
const LISTED: usize = 3;

/// The report.
pub(super) fn lines(report: &Report, screen: &Screen) -> String {
    let mut parts = Vec::new();
    for (state, title) in [
        (State::Broken, "Broken"),
        (State::Warning, "Look at this"),
        (State::Unknown, "Could not be found out"),
    ] {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| row.state == state).collect();
        if !rows.is_empty() {
            parts.push(screen.paint(Style::Bold, title));
            parts.extend(rows.into_iter().map(|row| problem(row, screen)));
        }
    }
    let table = well(report);
    if let Some(table) = table {
        parts.push(screen.paint(Style::Bold, "All is well"));
        parts.push(table.lines(screen));
    }
    parts.push(sum(report, screen));
    parts.join("\n")
}

fn problem(row: &Row, screen: &Screen) -> String {
    let style = style_of(row.state);
    let (check, width) =
        (row.check.as_str(), screen.width.map_or(usize::MAX, |width| width.saturating_sub(5)));
    let subject = row.subject.as_deref().unwrap_or_default();
    let is_short = subject.is_empty() || check.len().saturating_add(text::width(subject)) <= width;
    let (beside, below) = if is_short { (subject, "") } else { ("", subject) };
    let mut lines = vec![format!("{}  {beside}", screen.paint(style, check)).trim_end().to_owned()];
    let below = wrap(below, width).into_iter().filter(|line| !line.is_empty());
    lines.extend(below.chain(wrap(&row.seen, width)).map(|line| format!("  {line}")));
    for (at, line) in row.fix.iter().flat_map(|fix| wrap(fix, width).into_iter().enumerate()) {
        let mark = if at == 0 { "->" } else { "  " };
        lines.push(format!("  {} {line}", screen.paint(Style::Dim, mark)));
    }
    lines.join("\n")
}

/// One line for each check that is well, and one for each subject if they are few.
fn well(report: &Report) -> Option<Table> {
    let mut table = Table::fields();
    let mut is_empty = true;
    let mut rest: &[Row] = &report.rows;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|row| row.check == first.check).count();
        let (of_check, others) = rest.split_at(same);
        rest = others;
        let well: Vec<&Row> = of_check.iter().filter(|row| row.state == State::Ok).collect();
        is_empty &= well.is_empty();
        if well.len() > LISTED {
            let of = if well.len() == same { String::new() } else { format!(" of {same}") };
            table.row(vec![
                Cell::new(Style::Good, first.check.as_str()),
                "".into(),
                format!("{}{of}", well.len()).into(),
            ]);
            continue;
        }
        for row in well {
            let subject = row.subject.clone().unwrap_or_default();
            table.row(vec![
                Cell::new(Style::Good, row.check.as_str()),
                subject.into(),
                row.seen.as_str().into(),
            ]);
        }
    }
    (!is_empty).then_some(table)
}

fn sum(report: &Report, screen: &Screen) -> String {
    let Report { broken, warnings, unknown, complete, .. } = report;
    let (style, words) = match (broken, warnings + unknown) {
        (0, 0) => (Style::Good, "Everything is well.".to_owned()),
        (0, _) => (Style::Warning, format!("Nothing is broken: {warnings} warnings, {unknown} unknown.")),
        _ => (Style::Bad, format!("{broken} broken, {warnings} warnings, {unknown} unknown.")),
    };
    let cut = if *complete { "" } else { " The time was over before the end: see --within." };
    format!("{}{cut}", screen.paint(style, &words))
}

fn style_of(state: State) -> Style {
    match state {
        State::Broken => Style::Bad,
        State::Warning => Style::Warning,
        State::Unknown => Style::Dim,
        State::Ok => Style::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Check;
    use crate::screen::text::width;

    fn sample() -> Report {
        let ok = |subject: &str| Row::ok(Check::QueuesWaiting, "empty").of(subject);
        let rows = vec![
            Row::broken(
                Check::TrailLogging,
                "the trail `main` is stopped",
                "aws cloudtrail start-logging --name main",
            ),
            Row::warning(Check::CallerIdentity, "the account's root user", "Use a role."),
            Row::unknown(
                Check::KeysStack,
                "not seen: the caller lacks the permission kms:DescribeKey",
                "Allow it.",
            ),
            ok("a"),
            ok("b"),
            ok("c"),
            ok("d"),
            Row::ok(Check::StackState, "UPDATE_COMPLETE"),
        ];
        Report::new("rotation", String::new(), true, rows)
    }

    #[test]
    fn what_is_broken_comes_first_with_how_to_fix_it() {
        let screen = Screen { width: None, has_colour: false };
        let expected = "Broken\n\
                        trail.logging\n  the trail `main` is stopped\n  -> aws cloudtrail start-logging --name main\n\
                        Look at this\n\
                        caller.identity\n  the account's root user\n  -> Use a role.\n\
                        Could not be found out\n\
                        keys.stack\n  not seen: the caller lacks the permission kms:DescribeKey\n  -> Allow it.\n\
                        All is well\n\
                        stack.state       UPDATE_COMPLETE\n\
                        queues.waiting    4\n\
                        1 broken, 1 warnings, 1 unknown.";
        assert_eq!(lines(&sample(), &screen), expected);
    }

    #[test]
    fn every_line_fits_the_terminal() {
        for limit in [40, 60, 80] {
            let shown = lines(&sample(), &Screen { width: Some(limit), has_colour: false });
            assert!(shown.lines().all(|line| width(line) <= limit), "{limit}:\n{shown}");
        }
    }
}
