//! The rows of `CONTRACT.md`, as text.

const CONTRACT: &str = include_str!("../../aws/CONTRACT.md");
const AWS_PAGES: &str = "docs.aws.amazon.com/";

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractRow {
    /// Such as `V1`.
    pub id: String,
    /// The pages of AWS that it follows; none if it is unpublished.
    pub pages: Vec<String>,
}

/// All rows, in their order.
#[must_use]
pub fn rows() -> Vec<ContractRow> {
    CONTRACT.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<ContractRow> {
    let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    let [id, _what, source, test, ""] = cells.as_slice() else { return None };
    // The heading and the line below it have no test.
    test.strip_prefix('`')?;
    let words = source.split([' ', ',', ';', '(', ')']);
    let pages = words.filter(|word| word.starts_with(AWS_PAGES)).map(|page| format!("https://{page}"));
    Some(ContractRow { id: (*id).to_owned(), pages: pages.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_their_pages_are_read() {
        let rows = rows();
        assert!(rows.len() > 80, "{}", rows.len());
        let first = rows.first().map(|row| (row.id.as_str(), row.pages.len()));
        assert_eq!(first, Some(("V1", 2)));
        let unpublished = rows.iter().find(|row| row.id == "H1").map(|row| row.pages.len());
        assert_eq!(unpublished, Some(0));
    }
}
