//! The graph of all states within the bounds, and a backward search in it.
//!
//! The checker's `eventually` is sound on acyclic paths only. So what must stay possible is computed here: from the states
//! in which the goal is reached, backward along every transition. A state that the search does not meet is one from which
//! no sequence of transitions leads to the goal.

use std::collections::HashMap;
use std::hash::{Hash, Hasher as _};

use stateright::Model;

use crate::checking::Checked;

/// The states, and from which states each one follows.
pub struct Graph<M: Model> {
    states: Vec<M::State>,
    /// The state that each one was first reached from.
    parents: Vec<Option<u32>>,
    /// Pairs of a state and one that follows it.
    edges: Vec<(u32, u32)>,
    /// Whether all states were explored.
    pub is_complete: bool,
}

impl<M: Checked> Graph<M> {
    /// Explores the model breadth-first, `limit` states at most.
    pub fn explore(model: &M, limit: usize) -> Self {
        let mut graph =
            Self { states: Vec::new(), parents: Vec::new(), edges: Vec::new(), is_complete: true };
        let mut known: HashMap<u64, u32> = HashMap::new();
        for state in model.init_states() {
            graph.add(&mut known, state, None);
        }
        let (mut at, mut actions) = (0, Vec::new());
        while let Some(state) = graph.states.get(at).cloned() {
            let from = number(at);
            model.actions(&state, &mut actions);
            for action in actions.drain(..) {
                let Some(next) = model.next_state(&state, action) else { continue };
                let to = graph.add(&mut known, next, Some(from));
                graph.edges.push((from, to));
            }
            at += 1;
            if graph.states.len() > limit {
                graph.is_complete = false;
                break;
            }
        }
        graph
    }

    /// How many states there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// How many transitions.
    pub fn transitions(&self) -> usize {
        self.edges.len()
    }

    /// The states, in the order in which they were found.
    pub fn states(&self) -> &[M::State] {
        &self.states
    }

    /// The first state from which the goal must be reachable and is not.
    pub fn dead_end(&self, model: &M) -> Option<usize> {
        let reaching = self.backward(|state| model.is_goal(state));
        (0..self.states.len()).find(|at| model.must_reach(&self.states[*at]) && !reaching[*at])
    }

    /// The states from which one that `is_goal` can be reached.
    fn backward(&self, is_goal: impl Fn(&M::State) -> bool) -> Vec<bool> {
        let mut before: Vec<(u32, u32)> = self.edges.iter().map(|(from, to)| (*to, *from)).collect();
        before.sort_unstable();
        before.dedup();
        let mut reaching: Vec<bool> = self.states.iter().map(&is_goal).collect();
        let mut waiting: Vec<u32> = (0..self.states.len()).filter(|at| reaching[*at]).map(number).collect();
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
    pub fn way_to(&self, model: &M, at: usize) -> Vec<(String, M::State)> {
        let mut states = vec![at];
        let mut first = at;
        while let Some(Some(parent)) = self.parents.get(first) {
            first = *parent as usize;
            states.push(first);
        }
        states.reverse();
        let mut way = vec![("it begins".to_owned(), self.states[first].clone())];
        for pair in states.windows(2) {
            way.extend(step(model, &self.states[pair[0]], &self.states[pair[1]]));
        }
        way
    }

    /// What happens after a state as long as one thing only can happen: the last steps before a dead end.
    pub fn onwards(&self, model: &M, at: usize, limit: usize) -> Vec<(String, M::State)> {
        let mut way = Vec::new();
        let mut state = self.states[at].clone();
        while way.len() < limit {
            let Some((action, next)) = model.next_steps(&state).into_iter().next() else { break };
            way.push((model.format_action(&action), next.clone()));
            state = next;
        }
        way
    }

    fn add(&mut self, known: &mut HashMap<u64, u32>, state: M::State, parent: Option<u32>) -> u32 {
        let at = number(self.states.len());
        let place = *known.entry(fingerprint(&state)).or_insert(at);
        if place == at {
            self.states.push(state);
            self.parents.push(parent);
        }
        place
    }
}

fn step<M: Checked>(model: &M, from: &M::State, to: &M::State) -> Option<(String, M::State)> {
    let mut steps = model.next_steps(from).into_iter();
    steps.find(|(_, next)| next == to).map(|(action, next)| (model.format_action(&action), next))
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
