//! A broker in memory: two queues behind one exchange, confirmations, acknowledgements, and what is lost when it restarts.

use std::collections::VecDeque;

use hostile::Random;

/// A message in a queue.
#[derive(Debug, Clone)]
pub struct Message {
    pub body: Vec<u8>,
    is_persistent: bool,
}

/// Where a message is.
#[derive(Debug, Default)]
struct Queue {
    ready: VecDeque<Message>,
    /// Delivered to the consumer and not acknowledged.
    delivered: Vec<Message>,
}

#[derive(Debug, Default)]
pub struct Broker {
    queues: [Queue; 2],
    /// Counts the connections of the publisher. A confirmation reaches only the connection that sent the message.
    publisher: u64,
    consumers: [u64; 2],
}

impl Broker {
    /// Stores a message in both queues, unless the connection is lost before. Returns whether the publisher gets a
    /// confirmation: it does not if the connection is lost after the broker has stored the message.
    pub fn publish(&mut self, body: &[u8], is_persistent: bool, random: Option<&mut Random>) -> bool {
        let fate = random.map_or(9, |random| random.below(10));
        if fate == 0 {
            self.lose_publisher();
            return false;
        }
        for queue in &mut self.queues {
            queue.ready.push_back(Message { body: body.to_vec(), is_persistent });
        }
        if fate == 1 {
            self.lose_publisher();
        }
        fate != 1
    }

    /// Delivers a message. With a prefetch count, the order is not that of the queue after a redelivery.
    pub fn deliver(&mut self, which: usize, random: Option<&mut Random>) -> Option<Message> {
        let queue = &mut self.queues[which];
        let at = random.map_or(0, |random| random.below(queue.ready.len().min(5)));
        let message = queue.ready.remove(at)?;
        queue.delivered.push(message.clone());
        Some(message)
    }

    /// The consumer acknowledges the message that it got last, on the connection `connection`.
    pub fn acknowledge(&mut self, which: usize, connection: u64) {
        if self.consumers[which] == connection {
            self.queues[which].delivered.pop();
        }
    }

    /// The number of the consumer's connection.
    pub fn connection_of(&self, which: usize) -> u64 {
        self.consumers[which]
    }

    /// The number of the publisher's connection.
    pub fn publisher(&self) -> u64 {
        self.publisher
    }

    pub fn lose_publisher(&mut self) {
        self.publisher += 1;
    }

    /// What was not acknowledged is ready again.
    pub fn lose_consumer(&mut self, which: usize) {
        self.consumers[which] += 1;
        let queue = &mut self.queues[which];
        for message in queue.delivered.drain(..).rev() {
            queue.ready.push_front(message);
        }
    }

    /// All connections end, and only persistent messages survive.
    pub fn restart(&mut self) {
        self.lose_publisher();
        for which in 0..2 {
            self.lose_consumer(which);
            self.queues[which].ready.retain(|message| message.is_persistent);
        }
    }

    pub fn holds_messages(&self) -> bool {
        self.queues.iter().any(|queue| !queue.ready.is_empty() || !queue.delivered.is_empty())
    }
}
