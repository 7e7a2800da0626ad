//! The graph of all states within the bounds: whether each property holds in each of them, and a backward search.
//!
//! The checker's `eventually` is sound on acyclic paths only. So what must stay possible is computed here: from the states
//! in which the goal is reached, backward along every transition. A state that the search does not meet is one from which
//! no sequence of transitions leads to the goal.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher as _};

use stateright::Property;

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
    /// The number of steps by which each one was first reached.
    depths: Vec<u16>,
    /// Pairs of a state and one that it follows, among those from which the goal must be reachable.
    before: Vec<(u32, u32)>,
    /// How many transitions there are.
    pub transitions: usize,
    /// A property that does not hold, and the first state in which it does not.
    pub violated: Option<(&'static str, usize)>,
    /// How many states make use of each exception.
    pub exceptions: BTreeMap<&'static str, usize>,
    /// Whether all states were explored.
    pub is_complete: bool,
}

/// What is needed while the model is explored.
struct Frontier<M: Checked> {
    properties: Vec<Property<M>>,
    known: HashMap<u64, u32>,
    waiting: VecDeque<(u32, M::State)>,
}

impl Graph {
    /// Explores the model until a property does not hold, or until there are `limit` states.
    ///
    /// The states are explored breadth-first, and what follows a state from which the goal must be reachable is explored
    /// at once. So a graph that is not complete has all continuations of these states, too.
    pub fn explore<M: Checked>(model: &M, limit: usize) -> Self {
        let mut graph = Self {
            fingerprints: Vec::new(),
            must_reach: Vec::new(),
            is_goal: Vec::new(),
            parents: Vec::new(),
            depths: Vec::new(),
            before: Vec::new(),
            transitions: 0,
            violated: None,
            exceptions: BTreeMap::new(),
            is_complete: true,
        };
        let mut frontier =
            Frontier { properties: model.properties(), known: HashMap::new(), waiting: VecDeque::new() };
        for state in model.init_states() {
            graph.add(model, &mut frontier, state, None);
        }
        let mut actions = Vec::new();
        while let Some((from, state)) = frontier.waiting.pop_front() {
            let must_reach = graph.must_reach[from as usize];
            if graph.violated.is_some() || graph.len() >= limit && !must_reach {
                graph.is_complete = false;
                break;
            }
            model.actions(&state, &mut actions);
            for action in actions.drain(..) {
                let Some(next) = model.next_state(&state, action) else { continue };
                let to = graph.add(model, &mut frontier, next, Some(from));
                graph.transitions += 1;
                if must_reach {
                    graph.before.push((to, from));
                }
            }
        }
        graph.before.sort_unstable();
        graph
    }

    /// How many states there are.
    pub fn len(&self) -> usize {
        self.fingerprints.len()
    }

    /// The most steps by which a state was first reached.
    pub fn depth(&self) -> usize {
        self.depths.iter().max().copied().map_or(0, usize::from)
    }

    /// The first state from which the goal must be reachable and is not.
    pub fn dead_end(&self) -> Option<usize> {
        let reaching = self.backward();
        (0..self.len()).find(|at| self.must_reach[*at] && !reaching[*at])
    }

    /// The states from which the goal can be reached.
    fn backward(&self) -> Vec<bool> {
        let mut reaching = self.is_goal.clone();
        let mut waiting: Vec<u32> = (0..self.len()).filter(|at| reaching[*at]).map(number).collect();
        while let Some(to) = waiting.pop() {
            let first = self.before.partition_point(|(at, _)| *at < to);
            for (_, from) in self.before[first..].iter().take_while(|(at, _)| *at == to) {
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
        frontier: &mut Frontier<M>,
        state: M::State,
        parent: Option<u32>,
    ) -> u32 {
        let (at, print) = (number(self.len()), fingerprint(&state));
        let place = *frontier.known.entry(print).or_insert(at);
        if place != at {
            return place;
        }
        if self.violated.is_none() {
            let broken = frontier.properties.iter().find(|property| !(property.condition)(model, &state));
            self.violated = broken.map(|property| (property.name, self.len()));
        }
        let must_reach = model.must_reach(&state);
        self.fingerprints.push(print);
        self.must_reach.push(must_reach);
        self.is_goal.push(model.is_goal(&state));
        self.depths.push(parent.map_or(0, |parent| self.depths[parent as usize].saturating_add(1)));
        self.parents.push(parent);
        for name in model.exceptions(&state) {
            *self.exceptions.entry(name).or_default() += 1;
        }
        if must_reach {
            frontier.waiting.push_front((at, state));
        } else {
            frontier.waiting.push_back((at, state));
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

/// Two states with the same fingerprint count as one, as in stateright. Among twenty million states, that happens with a
/// probability of about one in 90,000.
fn fingerprint(state: &impl Hash) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// The limit of states is far below the numbers of this type.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
