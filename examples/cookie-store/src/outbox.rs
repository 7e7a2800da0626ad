//! Orders that the broker has not confirmed yet.
//!
//! A real shop writes them to its database in the transaction that takes the money. Then they also survive a crash of the
//! service.

use std::collections::BTreeMap;

/// The unconfirmed orders, oldest first.
#[derive(Debug, Default)]
pub struct Outbox {
    /// How often each order was sent, by order number.
    orders: BTreeMap<u64, u32>,
}

impl Outbox {
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

    /// Removes an order that the broker has confirmed for every queue.
    pub fn confirmed(&mut self, number: u64) {
        self.orders.remove(&number);
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
    fn an_order_is_sent_until_it_is_confirmed_and_then_never_again() {
        let mut outbox = Outbox::default();
        (1..=3).for_each(|number| outbox.take(number));
        assert_eq!(outbox.to_send(2), [(1, false), (2, false)]);
        outbox.confirmed(1);
        assert_eq!(outbox.to_send(9), [(2, true), (3, false)]);
        outbox.confirmed(3);
        outbox.confirmed(2);
        assert!(outbox.to_send(9).is_empty() && outbox.is_empty());
    }
}
