//! The three services, from the example's own code. What lapin does for them, this file does with the broker in memory.

use std::collections::HashMap;
use std::io::Result;
use std::path::{Path, PathBuf};

use cookie_store::consumer::{Done, work};
use cookie_store::ledger::Ledger;
use cookie_store::outbox::Outbox;
use cookie_store::payment::{PERSISTENT, message};
use cookie_store::topology::order_id;
use hostile::Random;

use super::broker::Broker;

/// A measure that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    None,
    /// Messages do not survive a restart of the broker.
    NotPersistent,
    /// Orders that are not confirmed do not survive a crash of payment.
    OutboxInMemory,
    /// A consumer acknowledges before it has done the work.
    AcknowledgedFirst,
    /// Payment does not wait for a confirmation.
    ConfirmedWhenSent,
    /// A consumer does not know after a crash what is done.
    LedgerInMemory,
}

#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    mutation: Mutation,
    orders: Ledger,
    outbox: Outbox,
    done: [Ledger; 2],
    /// Every piece of work that was done, also by a process that crashed later.
    worked: [Vec<String>; 2],
    copies: u64,
    forgotten: u64,
}

impl Store {
    pub fn open(folder: &Path, mutation: Mutation) -> Result<Self> {
        let orders = Ledger::open(&folder.join("orders"))?;
        let outbox = Outbox::open(&orders, Ledger::open(&folder.join("orders.confirmed"))?);
        let done = [Ledger::open(&folder.join("done0"))?, Ledger::open(&folder.join("done1"))?];
        let (folder, worked) = (folder.to_owned(), [Vec::new(), Vec::new()]);
        Ok(Self { folder, mutation, orders, outbox, done, worked, copies: 0, forgotten: 0 })
    }

    pub fn taken(&self) -> u64 {
        self.orders.len() as u64
    }

    pub fn unconfirmed(&self) -> usize {
        self.outbox.len()
    }

    pub fn copies(&self) -> u64 {
        self.copies
    }

    /// As `Payment::take_orders`.
    pub fn take(&mut self, count: usize, most: u64) -> Result<()> {
        for _ in 0..count {
            if self.taken() < most {
                let number = self.taken() + 1;
                self.orders.record(&order_id(number))?;
                self.outbox.take(number);
            }
        }
        Ok(())
    }

    /// As `Payment::publish`.
    pub fn publish(&mut self, broker: &mut Broker, most: usize, random: &mut Random) -> Result<()> {
        self.send(broker, most, Some(random))
    }

    pub fn publish_quietly(&mut self, broker: &mut Broker) -> Result<()> {
        self.send(broker, 50, None)
    }

    fn send(&mut self, broker: &mut Broker, most: usize, mut random: Option<&mut Random>) -> Result<()> {
        let connection = broker.publisher();
        let mut answers = Vec::new();
        for (number, _) in self.outbox.to_send(most) {
            if broker.publisher() != connection {
                // The rest of the batch is not sent, and no answer arrives any more.
                return Ok(());
            }
            let (body, properties) = message(number);
            let is_persistent = self.mutation != Mutation::NotPersistent
                && properties.delivery_mode().as_ref() == Some(&PERSISTENT);
            let is_confirmed = broker.publish(&body, is_persistent, random.as_deref_mut());
            if self.mutation == Mutation::ConfirmedWhenSent {
                self.outbox.confirmed(number)?;
            } else if is_confirmed {
                answers.push(number);
            }
        }
        if broker.publisher() == connection {
            for number in answers {
                self.outbox.confirmed(number)?;
            }
        }
        Ok(())
    }

    /// As `Consumer::handle`, with a crash or a lost connection between work and acknowledgement.
    pub fn consume(
        &mut self,
        broker: &mut Broker,
        which: usize,
        most: usize,
        random: &mut Random,
    ) -> Result<()> {
        for _ in 0..most {
            let Some(message) = broker.deliver(which, Some(random)) else { break };
            let connection = broker.connection_of(which);
            if self.mutation == Mutation::AcknowledgedFirst {
                broker.acknowledge(which, connection);
            }
            if random.once_in(15) {
                // Before the work.
                broker.lose_consumer(which);
                self.crash_consumer(which)?;
                break;
            }
            self.process(which, &message.body)?;
            if random.once_in(15) {
                // After the work.
                broker.lose_consumer(which);
                self.crash_consumer(which)?;
                break;
            }
            if self.mutation != Mutation::AcknowledgedFirst {
                broker.acknowledge(which, connection);
            }
        }
        Ok(())
    }

    pub fn consume_quietly(&mut self, broker: &mut Broker, which: usize) -> Result<()> {
        while let Some(message) = broker.deliver(which, None) {
            self.process(which, &message.body)?;
            broker.acknowledge(which, broker.connection_of(which));
        }
        Ok(())
    }

    fn process(&mut self, which: usize, body: &[u8]) -> Result<()> {
        match work(&mut self.done[which], body)? {
            Done::Now => self.worked[which].push(String::from_utf8_lossy(body).into_owned()),
            Done::Before => self.copies += 1,
            Done::Unreadable => {}
        }
        Ok(())
    }

    /// The process ends and starts again with its files.
    pub fn crash_payment(&mut self) -> Result<()> {
        self.orders = Ledger::open(&self.folder.join("orders"))?;
        let confirmed = Ledger::open(&self.folder.join("orders.confirmed"))?;
        self.outbox = match self.mutation {
            // As if nothing had been taken before.
            Mutation::OutboxInMemory => Outbox::open(&self.nothing()?, confirmed),
            _ => Outbox::open(&self.orders, confirmed),
        };
        Ok(())
    }

    pub fn crash_consumer(&mut self, which: usize) -> Result<()> {
        self.done[which] = match self.mutation {
            Mutation::LedgerInMemory => self.nothing()?,
            _ => Ledger::open(&self.folder.join(format!("done{which}")))?,
        };
        Ok(())
    }

    fn nothing(&mut self) -> Result<Ledger> {
        self.forgotten += 1;
        Ledger::open(&self.folder.join(format!("forgotten{}", self.forgotten)))
    }

    /// How many orders a consumer did not process, and how many it processed more than once.
    pub fn tally(&self) -> Result<(u64, u64)> {
        let (mut lost, mut twice) = (0, 0);
        for worked in &self.worked {
            let mut times: HashMap<&str, u64> = HashMap::new();
            for order in worked {
                *times.entry(order.as_str()).or_default() += 1;
            }
            for number in 1..=self.taken() {
                let body = String::from_utf8_lossy(&message(number).0).into_owned();
                match times.get(body.as_str()).copied().unwrap_or_default() {
                    0 => lost += 1,
                    1 => {}
                    _ => twice += 1,
                }
            }
        }
        Ok((lost, twice))
    }
}
