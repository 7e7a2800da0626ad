//! The model of an incident: the queue, dlq-handler, the table, and the people who are notified.
//!
//! The item of the table is the code's own `Record`, and `dlq_handler::incident` decides what happens to it. A failure and
//! a success may come at any time and in any order. So what a rotation really reports is a part of what is tried here.

pub mod handler;
pub mod message;
pub mod state;

use stateright::{Model, Property};

use self::handler::{Answer, At, Work};
use self::message::{Event, Message};
use self::state::{Budget, State};
use crate::checking::Checked;
use crate::mutation::Mutation;
use crate::rotation::scenario::Bounds;

/// How many messages wait in the queue at the same time.
const MESSAGES: usize = 3;
/// How many invocations run at the same time.
const HANDLERS: usize = 2;
/// What may fail: a warning with its cause, a report that does not know the cause, and a critical failure.
const EVENTS: [Event; 4] = [Event::Warning, Event::Generic, Event::Critical, Event::Success];

/// The model.
#[derive(Debug, Clone)]
pub struct Incidents {
    /// What may happen.
    pub budget: Budget,
    /// A rule that is broken.
    pub broken: Option<Mutation>,
}

impl Incidents {
    /// The name on the command line.
    pub const NAME: &'static str = "incidents";
    /// What is tried, in one sentence.
    pub const MEANING: &'static str = "failures and successes in any order, repeated messages, two invocations at once, kills \
                                       and lost answers, and the hourly check";

    /// The exception: people were notified more than once.
    pub const NOTIFIED_TWICE: &'static str = "notified twice";

    /// The model with these bounds.
    #[must_use]
    pub fn new(bounds: Bounds, broken: Option<Mutation>) -> Self {
        let budget = match bounds {
            Bounds::Short => Budget { events: 2, faults: 1, repeats: 1, hours: 0, sweeps: 1 },
            Bounds::Long => Budget { events: 2, faults: 1, repeats: 1, hours: 2, sweeps: 1 },
        };
        Self { budget, broken }
    }
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Something fails or succeeds, and its message is sent.
    Happen(Event),
    /// SQS delivers a message.
    Deliver(Message),
    /// SQS delivers a message again, although it is being handled.
    Repeat(Message),
    /// The schedule's check.
    Sweep,
    /// An invocation makes its next effect.
    Advance(u8),
    /// It is killed, or a call fails.
    Kill(u8),
    /// Its call has its effect, but the answer is lost.
    LoseAnswer(u8),
    /// The topic refuses its alert.
    Refuse(u8),
    /// An hour passes.
    Hour,
    /// A day passes.
    Day,
    /// Nothing goes wrong any more.
    Calm,
}

impl Model for Incidents {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.budget)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.is_calm {
            actions.extend(calm(state));
            return;
        }
        let Budget { events, faults, repeats, hours, sweeps } = state.budget;
        if events > 0 && state.messages.len() < MESSAGES {
            actions.extend(EVENTS.map(Action::Happen));
        }
        let has_place = state.handlers.len() < HANDLERS;
        for message in state.messages.iter().filter(|_| has_place) {
            if message.busy_until <= state.hour {
                actions.push(Action::Deliver(*message));
            } else if repeats > 0 {
                actions.push(Action::Repeat(*message));
            }
        }
        if sweeps > 0 && has_place && state.needs_a_sweep() {
            actions.push(Action::Sweep);
        }
        for handler in &state.handlers {
            actions.push(Action::Advance(handler.id));
            if faults > 0 {
                actions.push(Action::Kill(handler.id));
                if matches!(handler.at, At::Write { .. } | At::Send(_)) {
                    actions.push(Action::LoseAnswer(handler.id));
                }
                if matches!(handler.at, At::Send(_)) {
                    actions.push(Action::Refuse(handler.id));
                }
            }
        }
        if hours > 0 && state.handlers.is_empty() {
            actions.extend([Action::Hour, Action::Day]);
        }
        actions.push(Action::Calm);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        let budget = &mut state.budget;
        match action {
            Action::Happen(event) => {
                budget.events = budget.events.saturating_sub(1);
                state.happen(event);
            }
            Action::Deliver(message) => state.deliver(message),
            Action::Repeat(message) => {
                budget.repeats -= 1;
                state.deliver(message);
            }
            Action::Sweep => {
                budget.sweeps = budget.sweeps.saturating_sub(1);
                // Without trouble, nothing else happens meanwhile.
                state.hour += u8::from(state.is_calm);
                state.invoke(Work::Sweep);
            }
            Action::Advance(id) => handler::advance(&mut state, id, Answer::Comes, self.broken)?,
            Action::LoseAnswer(id) => {
                budget.faults -= 1;
                handler::advance(&mut state, id, Answer::Lost, self.broken)?;
            }
            Action::Refuse(id) => {
                budget.faults -= 1;
                handler::advance(&mut state, id, Answer::Refused, self.broken)?;
            }
            Action::Kill(id) => {
                budget.faults -= 1;
                handler::kill(&mut state, id)?;
            }
            Action::Hour => {
                budget.hours = budget.hours.saturating_sub(1);
                state.hour += 1;
            }
            Action::Day => {
                budget.hours = budget.hours.saturating_sub(1);
                state.hour += 25;
            }
            Action::Calm => {
                state.budget = Budget { events: 0, faults: 0, repeats: 0, hours: 0, sweeps: 0 };
                state.is_calm = true;
            }
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("nobody is notified twice", |_, state| {
                state.told.iter().all(|told| !told.is_too_often())
            }),
            Property::<Self>::always("no incident is open after a success that was handled", |_, state| {
                !state.is_over_and_open()
            }),
        ]
    }

    fn format_action(&self, action: &Action) -> String {
        match action {
            Action::Happen(event) => format!("{event}, and its message is sent"),
            Action::Deliver(message) => format!("SQS delivers message {} ({})", message.id, message.event),
            Action::Repeat(message) => {
                format!(
                    "SQS delivers message {} ({}) once more, while it is being handled",
                    message.id, message.event
                )
            }
            Action::Sweep => "the time of the hourly check comes".to_owned(),
            Action::Advance(id) => format!("invocation {id} makes its next effect"),
            Action::Kill(id) => format!("invocation {id} is killed, or its next call fails"),
            Action::LoseAnswer(id) => {
                format!("invocation {id} makes its next effect, and the answer is lost")
            }
            Action::Refuse(id) => format!("the topic refuses the alert of invocation {id}"),
            Action::Hour => "an hour passes".to_owned(),
            Action::Day => "a day passes".to_owned(),
            Action::Calm => "from now on nothing goes wrong".to_owned(),
        }
    }
}

/// What happens when nothing goes wrong any more: everything is handled, a rotation succeeds, and the check of the next
/// hours sends what is left.
fn calm(state: &State) -> Option<Action> {
    if let Some(handler) = state.handlers.first() {
        return Some(Action::Advance(handler.id));
    }
    if let Some(message) = state.messages.iter().find(|message| message.busy_until <= state.hour) {
        return Some(Action::Deliver(*message));
    }
    if state.is_settled() || state.hour > CALM_HOURS {
        return None;
    }
    if !state.messages.is_empty() {
        return Some(Action::Hour);
    }
    if state.has_open_incident() {
        return (!state.has_succeeded_at_last).then_some(Action::Happen(Event::Success));
    }
    // An announcement is taken over when its sender's invocation has ended.
    Some(Action::Sweep)
}

/// Days of the trouble, and some hours.
const CALM_HOURS: u8 = 60;

impl Checked for Incidents {
    const PROMISE: &'static str = "every incident can still end, and everybody has been notified";

    fn must_reach(&self, state: &State) -> bool {
        state.is_calm
    }

    fn is_goal(&self, state: &State) -> bool {
        state.is_calm && state.is_settled()
    }

    fn exceptions(&self, state: &State) -> Vec<&'static str> {
        if state.told.iter().any(|told| told.times > 1) { vec![Self::NOTIFIED_TWICE] } else { vec![] }
    }
}
