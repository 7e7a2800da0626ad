//! Checks a model: what must always hold, and what must stay possible.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use stateright::{Checker as _, HasDiscoveries, Model};

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

    /// Whether the goal must be reachable from this state.
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
    /// The last state.
    pub end: String,
}

/// What a check has found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Different states.
    pub states: usize,
    /// Transitions between them.
    pub transitions: usize,
    /// The longest of the shortest ways to a state.
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

/// Checks a model, `limit` states at most.
///
/// The checker walks all states and looks for one in which a property does not hold. If there is none, the states are
/// explored once more with the transitions between them, to search backward from the goal. Both walks must find the same
/// number of states.
pub fn check<M: Checked>(model: &M, limit: usize) -> Outcome {
    let began = Instant::now();
    let checker = model
        .clone()
        .checker()
        .threads(std::thread::available_parallelism().map_or(1, usize::from))
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(limit)
        .spawn_bfs()
        .join();
    let (found, depth) = (checker.unique_state_count(), checker.max_depth());
    let discovery = checker.discoveries().into_iter().next();
    if let Some((property, path)) = discovery {
        let states: Vec<M::State> = path.clone().into_states();
        let actions = path.into_actions();
        let violation = Counterexample {
            property,
            steps: actions.iter().map(|action| model.format_action(action)).collect(),
            end: states.last().map(|state| format!("{state:#?}")).unwrap_or_default(),
        };
        return Outcome {
            states: found,
            transitions: checker.state_count(),
            depth,
            took: began.elapsed(),
            is_complete: false,
            exceptions: BTreeMap::new(),
            violation: Some(violation),
        };
    }
    drop(checker);
    let graph = Graph::explore(model, limit);
    Outcome {
        states: graph.len(),
        transitions: graph.transitions(),
        depth,
        took: began.elapsed(),
        is_complete: graph.is_complete && graph.len() == found,
        // States that were not expanded lead nowhere.
        violation: if graph.is_complete { dead_end(model, &graph) } else { None },
        exceptions: graph.exceptions,
    }
}

/// A state that does not lead to the goal, and what happens there.
fn dead_end<M: Checked>(model: &M, graph: &Graph) -> Option<Counterexample> {
    let mut steps = graph.way_to(model, graph.dead_end()?);
    let (_, end) = steps.last()?;
    steps.extend(onwards(model, end.clone(), ONWARDS));
    let end = steps.last().map(|(_, state)| format!("{state:#?}")).unwrap_or_default();
    let steps = steps.into_iter().map(|(step, _)| step).skip(1).collect();
    Some(Counterexample { property: M::PROMISE, steps, end })
}

/// Serves the checker's own explorer until the process ends.
pub fn explore<M: Checked>(model: M, address: &str) {
    let _checker = model.checker().serve(address);
}
