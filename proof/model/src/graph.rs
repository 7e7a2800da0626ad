//! The graph of all states within the bounds, and a backward search in it.
//!
//! The checker's `eventually` is sound on acyclic paths only. So what must stay possible is computed here: from the states
//! in which the goal is reached, backward along every transition. A state that the search does not meet is one from which
//! no sequence of transitions leads to the goal.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher as _};

use crate::checking::Checked;

/// The states by their fingerprints, and from which states each one follows. A state itself is kept only until it is
/// expanded: an incident has a kilobyte, and there are millions.
pub struct Graph {
    fingerprints: Vec<u64>,
    /// Whether the goal must be reachable from each state.
    must_reach: Vec<bool>,
    /// Whether each state is the goal.
    is_goal: Vec<bool>,
    /// The state that each one was first reached from.
    parents: Vec<Option<u32>>,
    /// Pairs of a state and one that follows it.
    edges: Vec<(u32, u32)>,
    /// How many states make use of each exception.
    pub exceptions: BTreeMap<&'static str, usize>,
    /// Whether all states were explored.
    pub is_complete: bool,
}

/// What is needed while the model is explored.
struct Frontier<S> {
    known: HashMap<u64, u32>,
    waiting: VecDeque<S>,
}

impl Graph {
    /// Explores the model breadth-first, `limit` states at most.
    pub fn explore<M: Checked>(model: &M, limit: usize) -> Self {
        let mut graph = Self {
            fingerprints: Vec::new(),
            must_reach: Vec::new(),
            is_goal: Vec::new(),
            parents: Vec::new(),
            edges: Vec::new(),
            exceptions: BTreeMap::new(),
            is_complete: true,
        };
        let mut frontier = Frontier { known: HashMap::new(), waiting: VecDeque::new() };
        for state in model.init_states() {
            graph.add(model, &mut frontier, state, None);
        }
        let (mut at, mut actions) = (0, Vec::new());
        while let Some(state) = frontier.waiting.pop_front() {
            let from = number(at);
            model.actions(&state, &mut actions);
            for action in actions.drain(..) {
                let Some(next) = model.next_state(&state, action) else { continue };
                let to = graph.add(model, &mut frontier, next, Some(from));
                graph.edges.push((from, to));
            }
            at += 1;
            if graph.len() > limit {
                graph.is_complete = false;
                break;
            }
        }
        graph
    }

    /// How many states there are.
    pub fn len(&self) -> usize {
        self.fingerprints.len()
    }

    /// How many transitions.
    pub fn transitions(&self) -> usize {
        self.edges.len()
    }

    /// The first state from which the goal must be reachable and is not.
    pub fn dead_end(&self) -> Option<usize> {
        let reaching = self.backward();
        (0..self.len()).find(|at| self.must_reach[*at] && !reaching[*at])
    }

    /// The states from which the goal can be reached.
    fn backward(&self) -> Vec<bool> {
        let mut before: Vec<(u32, u32)> = self.edges.iter().map(|(from, to)| (*to, *from)).collect();
        before.sort_unstable();
        before.dedup();
        let mut reaching = self.is_goal.clone();
        let mut waiting: Vec<u32> = (0..self.len()).filter(|at| reaching[*at]).map(number).collect();
        while let Some(to) = waiting.pop() {
            let first = before.partition_point(|(at, _)| *at < to);
            for (_, from) in before[first..].iter().take_while(|(at, _)| *at == to) {
                let reaches = &mut reaching[*from as usize];
                if !*reaches {
                    *reaches = true;
                    waiting.push(*from);
                }
            }
        }
        reaching
    }

    /// The shortest way to a state: its actions, each with the state that follows.
    pub fn way_to<M: Checked>(&self, model: &M, at: usize) -> Vec<(String, M::State)> {
        let mut prints = Vec::new();
        let mut first = Some(number(at));
        while let Some(at) = first.map(|at| at as usize) {
            prints.push(self.fingerprints[at]);
            first = self.parents[at];
        }
        let mut prints = prints.into_iter().rev();
        let begins = prints.next();
        let begins = model.init_states().into_iter().find(|state| Some(fingerprint(state)) == begins);
        let mut way: Vec<_> = begins.into_iter().map(|state| ("it begins".to_owned(), state)).collect();
        for print in prints {
            let Some((_, state)) = way.last() else { break };
            let mut steps = model.next_steps(state).into_iter();
            let step = steps.find(|(_, next)| fingerprint(next) == print);
            way.extend(step.map(|(action, next)| (model.format_action(&action), next)));
        }
        way
    }

    fn add<M: Checked>(
        &mut self,
        model: &M,
        frontier: &mut Frontier<M::State>,
        state: M::State,
        parent: Option<u32>,
    ) -> u32 {
        let (at, print) = (number(self.len()), fingerprint(&state));
        let place = *frontier.known.entry(print).or_insert(at);
        if place == at {
            self.fingerprints.push(print);
            self.must_reach.push(model.must_reach(&state));
            self.is_goal.push(model.is_goal(&state));
            self.parents.push(parent);
            for name in model.exceptions(&state) {
                *self.exceptions.entry(name).or_default() += 1;
            }
            frontier.waiting.push_back(state);
        }
        place
    }
}

/// What happens after a state as long as one thing only can happen: the last steps before a dead end.
pub fn onwards<M: Checked>(model: &M, mut state: M::State, limit: usize) -> Vec<(String, M::State)> {
    let mut way = Vec::new();
    while way.len() < limit {
        let Some((action, next)) = model.next_steps(&state).into_iter().next() else { break };
        way.push((model.format_action(&action), next.clone()));
        state = next;
    }
    way
}

/// Two states with the same fingerprint count as one, as in the checker itself. Among ten million states, that happens with
/// a probability below one in 300,000.
fn fingerprint(state: &impl Hash) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// The limit of states is far below the numbers of this type.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
