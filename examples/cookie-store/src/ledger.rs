//! What a service has done, by order id, in a file.
//!
//! It stands for a table with a unique key: where the work is itself a row in a database, write both in one transaction,
//! and the work happens once however often the message comes.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

/// Order ids, each once.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    known: HashSet<String>,
}

impl Ledger {
    /// Opens it with what an earlier run has written.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let known = BufReader::new(&file).lines().collect::<Result<_, _>>()?;
        Ok(Self { file, known })
    }

    /// Does the work for an order, unless it is done; whether it was done now.
    ///
    /// # Errors
    /// When the file cannot be written; then it is not done.
    pub fn record(&mut self, order_id: &str) -> io::Result<bool> {
        if self.known.contains(order_id) {
            return Ok(false);
        }
        self.file.write_all(format!("{order_id}\n").as_bytes())?;
        Ok(self.known.insert(order_id.to_owned()))
    }

    /// How many orders are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether it is new.
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
}
