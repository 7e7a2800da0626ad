//! Tables that fit the terminal. Where there is no terminal, each row is one line, for `grep` and `awk`.

use super::text::{width, wrap};
use super::{Screen, Style};

/// The blanks between two columns.
const GAP: usize = 2;
/// The narrowest column that is wrapped.
const NARROWEST: usize = 8;

/// One cell. Its text was made by the program, or is neutralised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in a style.
    pub fn new(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Style::Plain, text)
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    head: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|name| Cell::new(Style::Bold, *name)).collect(), rows: Vec::new() }
    }

    /// A table of names and what they are, without a head.
    #[must_use]
    pub fn fields() -> Self {
        Self { head: Vec::new(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Adds a row of two cells.
    pub fn field(&mut self, name: &str, value: impl Into<Cell>) {
        self.rows.push(vec![Cell::new(Style::Dim, name), value.into()]);
    }

    /// The lines for a screen.
    #[must_use]
    pub fn lines(&self, screen: &Screen) -> String {
        let head = (!self.head.is_empty()).then_some(&self.head);
        let all: Vec<&Vec<Cell>> = head.into_iter().chain(&self.rows).collect();
        let widths = widths(&all, screen.width);
        let lines = all.iter().flat_map(|row| row_lines(row, &widths, screen));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The width of each column. The widest columns are made narrower until the table fits.
fn widths(rows: &[&Vec<Cell>], limit: Option<usize>) -> Vec<usize> {
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or_default();
    let widest = |at: usize| rows.iter().filter_map(|row| Some(width(&row.get(at)?.text))).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns).map(widest).collect();
    let Some(limit) = limit else { return widths };
    let room = limit.saturating_sub(GAP * columns.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > NARROWEST) else { break };
        *widest -= 1;
    }
    widths
}

fn row_lines(row: &[Cell], widths: &[usize], screen: &Screen) -> Vec<String> {
    let cells: Vec<Vec<String>> =
        row.iter().zip(widths).map(|(cell, width)| wrap(&cell.text, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    let line = |at: usize| {
        let mut line = String::new();
        for ((cell, parts), column) in row.iter().zip(&cells).zip(widths) {
            let part = parts.get(at).map(String::as_str).unwrap_or_default();
            line.push_str(&screen.paint(cell.style, part));
            line.push_str(&" ".repeat(column.saturating_sub(width(part)) + GAP));
        }
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["SECRET", "STATE"]);
        table.row(vec!["rabbitmq/payment".into(), Cell::new(Style::Bad, "the delivery has not arrived")]);
        table.row(vec!["rabbitmq/order".into(), "in order".into()]);
        table
    }

    fn screen(width: Option<usize>, has_colour: bool) -> Screen {
        Screen { width, has_colour }
    }

    #[test]
    fn without_a_terminal_each_row_is_one_line_without_colours() {
        let expected = "SECRET            STATE\n\
                        rabbitmq/payment  the delivery has not arrived\n\
                        rabbitmq/order    in order";
        assert_eq!(table().lines(&screen(None, false)), expected);
    }

    #[test]
    fn every_line_fits_the_terminal_and_no_word_is_lost() {
        for limit in 18..60 {
            let lines = table().lines(&screen(Some(limit), false));
            assert!(lines.lines().all(|line| width(line) <= limit), "{limit}:\n{lines}");
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
            let all = letters("SECRETSTATErabbitmq/paymentthedeliveryhasnotarrivedrabbitmq/orderinorder");
            assert_eq!(letters(&lines), all, "{lines}");
        }
    }

    #[test]
    fn colours_change_no_word() {
        let coloured = table().lines(&screen(None, true));
        assert!(coloured.contains("\u{1b}[1;31mthe delivery has not arrived\u{1b}[0m"), "{coloured:?}");
    }
}
