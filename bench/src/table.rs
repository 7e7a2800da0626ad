//! Tables in Markdown whose columns are aligned, so that they are readable on a screen, too.

/// A table. The first column is a text, and the others are numbers.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this heading.
    #[must_use]
    pub fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The text of the table.
    #[must_use]
    pub fn markdown(&self) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default().max(3)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                text += &match index {
                    0 => format!("| {cell:width$} "),
                    _ => format!("| {cell:>width$} "),
                };
            }
            text += "|\n";
            if number == 0 {
                for (index, width) in widths.iter().enumerate() {
                    text += &match index {
                        0 => format!("|{}", "-".repeat(width + 2)),
                        _ => format!("|{}:", "-".repeat(width + 1)),
                    };
                }
                text += "|\n";
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_to_the_right() {
        let mut table = Table::new(&["what", "ms"]);
        table.row(["a long name".to_owned(), "7".to_owned()]);
        table.row(["µ".to_owned(), "1,234".to_owned()]);
        assert_eq!(
            table.markdown(),
            "| what        |    ms |\n|-------------|------:|\n| a long name |     7 |\n| µ           | 1,234 |\n"
        );
    }
}
