//! The files of the example: the mounted Secret, and the ledger.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A user and its password from one version of the Secret. It has no `Debug`, so that no log shows the password.
pub struct Credentials {
    /// The folder that `..data` named.
    pub version: PathBuf,
    pub username: String,
    pub password: String,
}

/// The current version of the Secret that is mounted to `folder`.
///
/// # Errors
/// When the folder is not a mounted Secret.
pub fn version(folder: &Path) -> io::Result<PathBuf> {
    fs::read_link(folder.join("..data"))
}

/// Reads both files below the target of one link. Through `username` and `password`, a program could get the user of one
/// version and the password of the next.
///
/// # Errors
/// When a file is missing. Retry then: Kubernetes may have replaced the version in the meantime.
pub fn credentials(folder: &Path) -> io::Result<Credentials> {
    let version = version(folder)?;
    let file = |name: &str| fs::read_to_string(folder.join(&version).join(name));
    let (username, password) = (file("username")?, file("password")?);
    Ok(Credentials { version, username, password })
}

/// The orders by their IDs: which were taken, which are unconfirmed, and which are done.
///
/// In a real service, these are tables of its database. `taken` is an outbox, and `done` has a unique key.
#[derive(Debug)]
pub struct Ledger {
    taken: File,
    done: File,
    known: HashSet<String>,
    /// The number of taken orders.
    pub orders: u64,
    /// The unconfirmed orders with the number of attempts to send them.
    pub outbox: BTreeMap<u64, u32>,
}

impl Ledger {
    /// Opens the files `taken` and `done` in `folder`. They contain the work of earlier runs.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let open = |name: &str| OpenOptions::new().create(true).append(true).open(folder.join(name));
        let (taken, done) = (open("taken")?, open("done")?);
        let lines = |name: &str| fs::read_to_string(folder.join(name));
        let orders = lines("taken")?.lines().count() as u64;
        let known: HashSet<String> = lines("done")?.lines().map(str::to_owned).collect();
        // The orders of an earlier run that are not done may be unconfirmed. A copy does no harm.
        let unfinished = (1..=orders).filter(|number| !known.contains(&id(*number)));
        let outbox = unfinished.map(|number| (number, 0)).collect();
        Ok(Self { taken, done, known, orders, outbox })
    }

    /// Takes one more order.
    ///
    /// # Errors
    /// When the file cannot be written. Then the order is not taken.
    pub fn take(&mut self) -> io::Result<()> {
        let number = self.orders + 1;
        self.taken.write_all(format!("{}\n", id(number)).as_bytes())?;
        self.orders = number;
        self.outbox.insert(number, 0);
        Ok(())
    }

    /// Does the work for an order, unless it is done already. Returns whether it was done now.
    ///
    /// # Errors
    /// When the file cannot be written. Then the work is not done.
    pub fn finish(&mut self, order: &str) -> io::Result<bool> {
        if self.known.contains(order) {
            return Ok(false);
        }
        self.done.write_all(format!("{order}\n").as_bytes())?;
        Ok(self.known.insert(order.to_owned()))
    }

    /// Whether every taken order is confirmed and done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.outbox.is_empty() && self.known.len() as u64 >= self.orders
    }
}

/// The ID of an order. It is the same in every copy of the message.
#[must_use]
pub fn id(number: u64) -> String {
    format!("order-{number:07}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_done_once_and_an_unfinished_order_is_sent_again_after_a_restart() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("lapin-client-{}", std::process::id()));
        let mut ledger = Ledger::open(&folder)?;
        ledger.take()?;
        ledger.take()?;
        assert!(ledger.finish(&id(1))? && !ledger.finish(&id(1))?);
        assert!(!ledger.is_complete());
        let mut restarted = Ledger::open(&folder)?;
        assert_eq!(restarted.outbox.keys().copied().collect::<Vec<_>>(), [2]);
        restarted.outbox.clear();
        assert!(restarted.finish(&id(2))? && restarted.is_complete());
        fs::remove_dir_all(&folder)
    }
}
