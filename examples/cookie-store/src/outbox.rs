//! Orders that the broker has not confirmed yet.
//!
//! They survive a crash of the service: the orders that were taken and the orders that were confirmed are files, and the
//! outbox is the difference. A real shop writes an order to its database in the transaction that takes the money, and marks
//! it as sent after the confirmation.

use std::collections::BTreeMap;
use std::io;

use crate::ledger::Ledger;
use crate::topology::order_id;

/// The unconfirmed orders, oldest first.
#[derive(Debug)]
pub struct Outbox {
    /// How often each order was sent by this process, by order number.
    orders: BTreeMap<u64, u32>,
    confirmed: Ledger,
}

impl Outbox {
    /// The orders in `taken` that are not in `confirmed`.
    #[must_use]
    pub fn open(taken: &Ledger, confirmed: Ledger) -> Self {
        let numbers = 1..=taken.len() as u64;
        let orders = numbers.filter(|number| !confirmed.has(&order_id(*number))).map(|number| (number, 0));
        Self { orders: orders.collect(), confirmed }
    }

    /// Adds an order.
    pub fn take(&mut self, number: u64) {
        self.orders.insert(number, 0);
    }

    /// The oldest orders to send now, at most `most`. Each has a flag whether it was sent before.
    pub fn to_send(&mut self, most: usize) -> Vec<(u64, bool)> {
        let oldest = self.orders.iter_mut().take(most);
        oldest
            .map(|(number, sent)| {
                *sent += 1;
                (*number, *sent > 1)
            })
            .collect()
    }

    /// Removes an order that the broker has confirmed for every queue. After a crash before this, the order is sent again.
    ///
    /// # Errors
    /// When the confirmation cannot be recorded. The order stays.
    pub fn confirmed(&mut self, number: u64) -> io::Result<()> {
        self.confirmed.record(&order_id(number))?;
        self.orders.remove(&number);
        Ok(())
    }

    /// The number of unconfirmed orders.
    #[must_use]
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether all orders are confirmed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_sent_until_it_is_confirmed_and_then_never_again_also_after_a_crash() -> io::Result<()> {
        let path = |name: &str| {
            std::env::temp_dir().join(format!("cookie-store-outbox-{name}-{}", std::process::id()))
        };
        let mut taken = Ledger::open(&path("taken"))?;
        let mut outbox = Outbox::open(&taken, Ledger::open(&path("confirmed"))?);
        for number in 1..=3 {
            taken.record(&order_id(number))?;
            outbox.take(number);
        }
        assert_eq!(outbox.to_send(2), [(1, false), (2, false)]);
        outbox.confirmed(1)?;
        assert_eq!(outbox.to_send(9), [(2, true), (3, false)]);
        let mut restarted = Outbox::open(&taken, Ledger::open(&path("confirmed"))?);
        assert_eq!(restarted.to_send(9), [(2, false), (3, false)]);
        outbox.confirmed(3)?;
        outbox.confirmed(2)?;
        assert!(outbox.to_send(9).is_empty() && outbox.is_empty());
        assert!(Outbox::open(&taken, Ledger::open(&path("confirmed"))?).is_empty());
        std::fs::remove_file(path("taken")).and_then(|()| std::fs::remove_file(path("confirmed")))
    }
}
