//! Checks a model: what must always hold, and what must stay possible.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use stateright::Model;

use crate::graph::{Graph, onwards};

/// The steps after a dead end that are shown.
const ONWARDS: usize = 60;

/// A model that can be checked.
pub trait Checked:
    Model<
        State: Clone + Debug + PartialEq + Hash + Send + Sync + 'static,
        Action: Clone + Debug + PartialEq + Send + Sync + 'static,
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// What must stay possible, as a sentence.
    const PROMISE: &'static str;

    /// Whether the goal must be reachable from this state, and from all that follow.
    fn must_reach(&self, state: &Self::State) -> bool;

    /// Whether this state is the goal.
    fn is_goal(&self, state: &Self::State) -> bool;

    /// The exceptions that this state makes use of.
    fn exceptions(&self, state: &Self::State) -> Vec<&'static str>;
}

/// A sequence of steps that ends in a violated property.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// The property.
    pub property: &'static str,
    /// What happens, step by step.
    pub steps: Vec<String>,
}

/// What a check has found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Different states.
    pub states: usize,
    /// Transitions between them.
    pub transitions: usize,
    /// The most steps by which a state was first reached.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// Whether all states within the bounds were explored.
    pub is_complete: bool,
    /// How many states make use of each exception.
    pub exceptions: BTreeMap<&'static str, usize>,
    /// The violation, if there is one.
    pub violation: Option<Counterexample>,
}

/// Checks a model, up to `limit` states: first what must always hold, in each state when it is found, and then what must
/// stay possible. Stateright's own checker has a limit of transitions and no backward search.
pub fn check<M: Checked>(model: &M, limit: usize) -> Outcome {
    let began = Instant::now();
    let graph = Graph::explore(model, limit);
    let violation = match graph.violated {
        Some((property, at)) => Some(Counterexample { property, steps: steps(graph.way_to(model, at)) }),
        None => dead_end(model, &graph),
    };
    Outcome {
        states: graph.len(),
        transitions: graph.transitions,
        depth: graph.depth(),
        took: began.elapsed(),
        is_complete: graph.is_complete,
        violation,
        exceptions: graph.exceptions,
    }
}

/// A state that does not lead to the goal, and what happens there.
fn dead_end<M: Checked>(model: &M, graph: &Graph) -> Option<Counterexample> {
    let mut way = graph.way_to(model, graph.dead_end()?);
    let (_, end) = way.last()?;
    way.extend(onwards(model, end.clone(), ONWARDS));
    Some(Counterexample { property: M::PROMISE, steps: steps(way) })
}

/// The actions on a way, without its beginning.
fn steps<S>(way: Vec<(String, S)>) -> Vec<String> {
    way.into_iter().map(|(step, _)| step).skip(1).collect()
}

/// Serves the checker's own explorer until the process ends.
pub fn explore<M: Checked>(model: M, address: &str) {
    let _checker = model.checker().serve(address);
}
