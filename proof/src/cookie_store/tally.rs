//! Adds up and compares the work of the services.

use std::collections::HashMap;
use std::ops::AddAssign;
use std::time::Duration;

use serde::Deserialize;

/// The counts of one service, or the sum of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Orders that the broker has confirmed.
    pub confirmed: u64,
    /// Orders that were sent again.
    pub resent: u64,
    /// Messages that the broker delivered again.
    pub redelivered: u64,
    /// Messages that a consumer dropped because it had already processed the order.
    pub duplicates: u64,
    /// Connections that were replaced after a change of credentials.
    pub replaced: u64,
    /// Connections that were lost.
    pub lost: u64,
    pub(crate) longest_pause_ms: u64,
}

impl Counts {
    /// The longest pause of any service.
    #[must_use]
    pub fn longest_pause(&self) -> Duration {
        Duration::from_millis(self.longest_pause_ms)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.confirmed += other.confirmed;
        self.resent += other.resent;
        self.redelivered += other.redelivered;
        self.duplicates += other.duplicates;
        self.replaced += other.replaced;
        self.lost += other.lost;
        self.longest_pause_ms = self.longest_pause_ms.max(other.longest_pause_ms);
    }
}

/// Orders and their outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Orders that payment accepted.
    pub orders: usize,
    /// Orders that were not sent to the customer, or not fulfilled.
    pub lost: usize,
    /// Orders that were sent or fulfilled more than once, or that payment never accepted.
    pub doubled: usize,
}

/// Compares payment's ledger with that of each consumer.
pub(crate) fn compare(taken: &str, consumers: &[String]) -> Tally {
    let orders = count(taken);
    let mut tally = Tally { orders: orders.len(), ..Tally::default() };
    tally.doubled += orders.values().filter(|times| **times > 1).count();
    for done in consumers {
        let done = count(done);
        tally.lost += orders.keys().filter(|id| !done.contains_key(*id)).count();
        tally.doubled += done.iter().filter(|(id, times)| **times > 1 || !orders.contains_key(*id)).count();
    }
    tally
}

fn count(ledger: &str) -> HashMap<&str, u32> {
    ledger.lines().fold(HashMap::new(), |mut count, id| {
        *count.entry(id).or_default() += 1;
        count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_lost_that_one_consumer_misses_and_doubled_that_one_did_twice() {
        for (taken, messenger, order, lost, doubled) in [
            ("1\n2\n3\n", "3\n1\n2\n", "1\n2\n3\n", 0, 0),
            ("1\n2\n3\n", "1\n3\n", "1\n2\n3\n", 1, 0),
            ("1\n2\n3\n", "1\n3\n", "1\n", 3, 0),
            ("1\n2\n", "1\n2\n2\n", "1\n2\n", 0, 1),
            ("1\n2\n", "1\n2\n", "1\n2\n9\n", 0, 1),
            ("1\n1\n", "1\n", "1\n", 0, 1),
        ] {
            let tally = compare(taken, &[messenger.to_owned(), order.to_owned()]);
            assert_eq!((tally.lost, tally.doubled), (lost, doubled), "{taken:?} {messenger:?} {order:?}");
        }
    }

    #[test]
    fn the_longest_pause_is_that_of_the_slowest() {
        let pause = |longest_pause_ms| Counts { lost: 1, longest_pause_ms, ..Counts::default() };
        let mut all = pause(5);
        all += pause(70);
        all += pause(6);
        assert_eq!((all.lost, all.longest_pause()), (3, Duration::from_millis(70)));
    }
}
