//! The queue, the table, and who was notified.

use std::hash::{Hash, Hasher};

use dlq_handler::incident::{Announcement, Record, What};
use jiff::Timestamp;

use super::handler::{At, Handler, Work};
use super::message::{Event, Message, time};

/// What may still happen. Each is counted down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Failures and successes.
    pub events: u8,
    /// Kills, failed calls and lost answers.
    pub faults: u8,
    /// Messages that are delivered twice at once.
    pub repeats: u8,
    /// Hours, or days.
    pub hours: u8,
    /// Hourly checks.
    pub sweeps: u8,
}

/// How often people were notified of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Told {
    /// The incident, what happened to it, and as what kind.
    pub what: String,
    /// How often.
    pub times: u8,
    /// How often more than once, because the answer of the topic was lost, or the invocation was killed between the alert and
    /// the note that it was sent. SNS has no request that is idempotent.
    pub excused: u8,
}

impl Told {
    /// Whether people were notified more often than the design admits.
    #[must_use]
    pub fn is_too_often(&self) -> bool {
        self.times > 1 + self.excused
    }
}

/// The whole state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The item in the table.
    pub stored: Option<Record>,
    /// The queue.
    pub messages: Vec<Message>,
    /// The invocations.
    pub handlers: Vec<Handler>,
    /// The number of events and invocations so far, which is the id of the next one and its second.
    pub count: u8,
    /// The time.
    pub hour: u8,
    /// Who was notified of what.
    pub told: Vec<Told>,
    /// The incidents that were opened, as in [`Told::what`].
    pub opened: Vec<String>,
    /// When the last rotation succeeded whose message was handled.
    pub succeeded_at: Option<Timestamp>,
    /// What may still happen.
    pub budget: Budget,
    /// Whether the trouble is over.
    pub is_calm: bool,
    /// Whether a rotation has succeeded since then.
    pub has_succeeded_at_last: bool,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        if let Some(record) = &self.stored {
            hash_record(record, hasher);
        }
        (&self.messages, self.count, self.hour, &self.told, &self.opened).hash(hasher);
        (self.succeeded_at, self.budget, self.is_calm, self.has_succeeded_at_last).hash(hasher);
        for handler in &self.handlers {
            (handler.id, handler.work, handler.until).hash(hasher);
            match &handler.at {
                At::Read => 0.hash(hasher),
                At::Write { record, mine, opened } => {
                    (1, opened).hash(hasher);
                    hash_record(record, hasher);
                    hash_all(mine, hasher);
                }
                At::Send(left) => {
                    2.hash(hasher);
                    hash_all(left, hasher);
                }
                At::Note { sent, left, failed } => {
                    (3, failed).hash(hasher);
                    hash_all(std::slice::from_ref(sent), hasher);
                    hash_all(left, hasher);
                }
            }
        }
    }
}

fn hash_record(record: &Record, hasher: &mut impl Hasher) {
    (record.succeeded_at, &record.seen, record.revision).hash(hasher);
    hash_all(&record.unsent, hasher);
    if let Some(incident) = &record.incident {
        let times = (incident.opened_at, incident.last_failure_at, incident.closed_at);
        (&incident.id, incident.kind, times, incident.failures).hash(hasher);
        (&incident.told, incident.reminded).hash(hasher);
    }
}

/// The number of an announcement stands for the incident in it.
fn hash_all(announcements: &[Announcement], hasher: &mut impl Hasher) {
    announcements.len().hash(hasher);
    for announcement in announcements {
        let Announcement { number, what, incident, alert_due, event_due, sender, free_at } = announcement;
        (number, *what as u8, &incident.id, incident.kind, alert_due, event_due, sender, free_at)
            .hash(hasher);
    }
}

impl State {
    /// Nothing has happened.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self {
            stored: None,
            messages: Vec::new(),
            handlers: Vec::new(),
            count: 0,
            hour: 0,
            told: Vec::new(),
            opened: Vec::new(),
            succeeded_at: None,
            budget,
            is_calm: false,
            has_succeeded_at_last: false,
        }
    }

    /// The time. Every event has a second of its own.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        time(self.hour, self.count)
    }

    /// Something happens, and its message is sent.
    pub fn happen(&mut self, event: Event) {
        self.count += 1;
        self.messages.push(Message { id: self.count, event, hour: self.hour, busy_until: self.hour });
        self.has_succeeded_at_last |= self.is_calm && event == Event::Success;
    }

    /// SQS delivers a message. It is not visible before the invocation has ended.
    pub fn deliver(&mut self, message: Message) {
        for waiting in self.messages.iter_mut().filter(|waiting| waiting.id == message.id) {
            waiting.busy_until = self.hour + 1;
        }
        self.invoke(Work::Message(message));
    }

    /// An invocation begins.
    pub fn invoke(&mut self, work: Work) {
        self.count += 1;
        self.handlers.push(Handler { id: self.count, work, until: self.hour + 1, at: At::Read });
    }

    /// Whether the table says that there is something to check.
    #[must_use]
    pub fn needs_a_sweep(&self) -> bool {
        self.stored
            .as_ref()
            .is_some_and(|record| record.open_incident().is_some() || !record.unsent.is_empty())
    }

    /// Whether an incident is open.
    #[must_use]
    pub fn has_open_incident(&self) -> bool {
        self.stored.as_ref().is_some_and(|record| record.open_incident().is_some())
    }

    /// Whether an incident is open although a rotation has succeeded since its last failure, and that was handled.
    #[must_use]
    pub fn is_over_and_open(&self) -> bool {
        let open = self.stored.as_ref().and_then(Record::open_incident);
        open.is_some_and(|incident| self.succeeded_at > Some(incident.last_failure_at))
    }

    /// Whether everything has ended: no message, no open incident, nothing left to send, and everybody was notified of every
    /// incident.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let is_told = |what: &String| self.told.iter().any(|told| told.what == *what);
        self.messages.is_empty()
            && self.handlers.is_empty()
            && !self.needs_a_sweep()
            && self.opened.iter().all(is_told)
    }

    /// People are notified.
    pub fn tell(&mut self, announcement: &Announcement, excused: bool) {
        if !announcement.alert_due {
            return;
        }
        let what = words(announcement.what, announcement);
        let at = self.told.iter().position(|told| told.what == what).unwrap_or_else(|| {
            self.told.push(Told { what, times: 0, excused: 0 });
            self.told.len() - 1
        });
        if let Some(told) = self.told.get_mut(at) {
            told.times += 1;
            told.excused += u8::from(excused);
        }
    }

    /// One more alert about the same is admitted.
    pub fn excuse(&mut self, announcement: &Announcement) {
        let what = words(announcement.what, announcement);
        for told in self.told.iter_mut().filter(|told| told.what == what) {
            told.excused += 1;
        }
    }
}

/// What people are notified of.
#[must_use]
pub fn words(what: What, announcement: &Announcement) -> String {
    format!("{what:?} {} {}", announcement.incident.id, announcement.incident.kind)
}
