//! One invocation of dlq-handler, effect by effect, as `incidents.rs` and `telling.rs` make them.

use contract::Area;
use dlq_handler::incident::{Announcement, Decided, Effect, Record, Sender, What};

use super::message::{Event, Message, record_event, time};
use super::state::{State, words};
use crate::mutation::Mutation;
use crate::suite::ARN;

/// What an invocation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// A message of the queue.
    Message(Message),
    /// The hourly check.
    Sweep,
}

/// What an invocation does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// It reads the item, and decides.
    Read,
    /// It writes the item, if nobody else has written it meanwhile.
    Write {
        /// What it writes.
        record: Record,
        /// What it sends afterwards.
        mine: Vec<Announcement>,
        /// What was opened.
        opened: Option<String>,
    },
    /// It sends an alert.
    Send(Vec<Announcement>),
    /// It notes how far that came.
    Note {
        /// What it has sent, or failed to send.
        sent: Announcement,
        /// What it sends next.
        left: Vec<Announcement>,
        /// Whether the message stays in the queue.
        failed: bool,
    },
}

/// One invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// Lambda's request id.
    pub id: u8,
    /// What it is about.
    pub work: Work,
    /// The hour in which it has ended.
    pub until: u8,
    /// What it does next.
    pub at: At,
}

/// What happens to the answer of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The call has its effect and the caller learns of it.
    Comes,
    /// It has its effect, but the caller does not learn of it.
    Lost,
    /// It has no effect.
    Refused,
}

/// Makes the next effect of an invocation.
pub fn advance(state: &mut State, id: u8, answer: Answer, broken: Option<Mutation>) -> Option<()> {
    let place = state.handlers.iter().position(|handler| handler.id == id)?;
    let handler = state.handlers.get(place)?.clone();
    let next = match handler.at.clone() {
        At::Read => read(state, &handler, broken),
        At::Write { record, mine, opened } => {
            let is_written = write(state, record, opened, broken);
            if let Work::Message(message) = handler.work
                && message.event == Event::Success
                && is_written
            {
                state.succeeded_at = state.succeeded_at.max(Some(message.time()));
            }
            // The SDK repeats a call without an answer, and the second one finds what the first has written.
            if is_written && answer == Answer::Comes { send(mine) } else { Some(At::Read) }
        }
        At::Send(mut left) => {
            let mut sent = left.remove(0);
            if answer != Answer::Refused {
                state.tell(&sent, answer == Answer::Lost);
            }
            let failed = answer != Answer::Comes;
            (sent.alert_due, sent.event_due) = (sent.alert_due && failed, sent.event_due && failed);
            Some(At::Note { sent, left, failed })
        }
        At::Note { sent, left, failed } => {
            let now = state.now();
            if broken != Some(Mutation::KeepsSent)
                && let Some(record) = &mut state.stored
            {
                record.sent(&sent, now);
                record.revision += 1;
            }
            // After a failed alert, the others are sent when the message comes again.
            if failed { return end(state, place, &handler, true) } else { send(left) }
        }
    };
    match next {
        Some(at) => state.handlers.get_mut(place)?.at = at,
        None => return end(state, place, &handler, false),
    }
    Some(())
}

/// The invocation ends in the middle. Its message stays in the queue.
pub fn kill(state: &mut State, id: u8) -> Option<()> {
    let place = state.handlers.iter().position(|handler| handler.id == id)?;
    let handler = state.handlers.remove(place);
    if let At::Note { sent, failed: false, .. } = &handler.at {
        state.excuse(sent);
    }
    Some(())
}

fn end(state: &mut State, place: usize, handler: &Handler, failed: bool) -> Option<()> {
    state.handlers.remove(place);
    if let Work::Message(message) = handler.work
        && !failed
    {
        state.messages.retain(|other| other.id != message.id);
    }
    Some(())
}

fn send(left: Vec<Announcement>) -> Option<At> {
    (!left.is_empty()).then_some(At::Send(left))
}

/// Reads the item and decides, by the code's own [`Record::decide`].
fn read(state: &mut State, handler: &Handler, broken: Option<Mutation>) -> Option<At> {
    let mut record = state.stored.clone().unwrap_or_else(|| Record::new(ARN.to_owned(), Area::Rotation));
    let now = state.now();
    let sender = Sender { id: format!("invocation-{}", handler.id), until: time(handler.until, 0) };
    prepare(&mut record, now, handler.work, broken);
    let decide = |record: &mut Record, now: jiff::Timestamp| match handler.work {
        Work::Sweep => record.look(false, now),
        Work::Message(message)
            if broken == Some(Mutation::SuccessIgnored) && message.event == Event::Success =>
        {
            Effect::Nothing
        }
        Work::Message(message) => record_event(record, message, now),
    };
    let Decided { effect, mut mine, mut is_changed } = record.decide(now, &sender, decide);
    if broken == Some(Mutation::SweepSendsNothing) && handler.work == Work::Sweep {
        (mine, is_changed) = (Vec::new(), effect != Effect::Nothing);
    }
    if broken == Some(Mutation::SendsFirst) {
        for announcement in mine.drain(..) {
            state.tell(&announcement, false);
            record.unsent.retain(|other| other.number != announcement.number);
        }
    }
    let opened = mine.iter().find(|announcement| announcement.what == What::Opened);
    let opened = opened.filter(|_| matches!(effect, Effect::Opened | Effect::Late));
    let opened = opened.map(|announcement| words(announcement.what, announcement));
    is_changed.then_some(At::Write { record, mine, opened })
}

/// Breaks a rule before the code decides.
fn prepare(record: &mut Record, now: jiff::Timestamp, work: Work, broken: Option<Mutation>) {
    let is_failure = matches!(work, Work::Message(message) if message.event != Event::Success);
    match broken {
        Some(Mutation::RepeatedCounts) => record.seen.clear(),
        Some(Mutation::OverIgnored) if is_failure => {
            record.succeeded_at = None;
            record.incident.take_if(|incident| !incident.is_open());
        }
        Some(Mutation::TakesAll) => {
            for announcement in &mut record.unsent {
                announcement.free_at = now;
            }
        }
        _ => {}
    }
}

/// The conditional write. Returns whether it was done.
fn write(state: &mut State, mut record: Record, opened: Option<String>, broken: Option<Mutation>) -> bool {
    let revision = state.stored.as_ref().map_or(0, |stored| stored.revision);
    if revision != record.revision && broken != Some(Mutation::WritesAnyway) {
        return false;
    }
    record.revision += 1;
    if broken == Some(Mutation::NotStored) {
        record.unsent.clear();
    }
    state.stored = Some(record);
    if let Some(opened) = opened.filter(|opened| !state.opened.contains(opened)) {
        state.opened.push(opened);
    }
    true
}
