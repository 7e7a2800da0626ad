//! A file that records the completed orders of a service by their IDs.
//!
//! In a real service, this is a table with a unique key. If the work also writes to that database, use one transaction for
//! both. Then the work happens once, even if the message is delivered several times.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::Path;

/// The IDs of completed orders.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    known: HashSet<String>,
}

impl Ledger {
    /// Opens the file and reads the entries of earlier runs.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut text = String::new();
        BufReader::new(&file).read_to_string(&mut text)?;
        // A killed process may leave a part of a line. Its work was not done.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64)?;
            text.truncate(whole);
        }
        Ok(Self { file, known: text.lines().map(str::to_owned).collect() })
    }

    /// Does the work for an order, unless it is done already. Returns whether it was done now.
    ///
    /// # Errors
    /// When the file cannot be written. Then the work is not done.
    pub fn record(&mut self, order_id: &str) -> io::Result<bool> {
        if self.known.contains(order_id) {
            return Ok(false);
        }
        self.file.write_all(format!("{order_id}\n").as_bytes())?;
        Ok(self.known.insert(order_id.to_owned()))
    }

    /// Whether the order is recorded.
    #[must_use]
    pub fn has(&self, order_id: &str) -> bool {
        self.known.contains(order_id)
    }

    /// The number of recorded orders.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether the ledger is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_done_once_also_after_a_restart() -> io::Result<()> {
        let path = std::env::temp_dir().join(format!("cookie-store-ledger-{}", std::process::id()));
        let mut ledger = Ledger::open(&path)?;
        assert!(ledger.record("order-1")? && ledger.record("order-2")?);
        assert!(!ledger.record("order-1")?);
        let mut restarted = Ledger::open(&path)?;
        assert!(!restarted.record("order-2")? && restarted.record("order-3")?);
        assert_eq!(std::fs::read_to_string(&path)?, "order-1\norder-2\norder-3\n");
        std::fs::remove_file(&path)
    }

    #[test]
    fn a_line_that_a_killed_process_has_begun_is_work_that_was_not_done() -> io::Result<()> {
        let path = std::env::temp_dir().join(format!("cookie-store-torn-ledger-{}", std::process::id()));
        std::fs::write(&path, "order-1\norder-2")?;
        let mut ledger = Ledger::open(&path)?;
        assert!(ledger.has("order-1") && !ledger.has("order-2"));
        assert!(ledger.record("order-2")?);
        assert_eq!(std::fs::read_to_string(&path)?, "order-1\norder-2\n");
        std::fs::remove_file(&path)
    }
}
