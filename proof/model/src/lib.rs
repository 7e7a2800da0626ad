//! A model checker walks every interleaving of a rotation, with the suite's own decisions.
//!
//! Two models share the means of checking. [`rotation`] has Secrets Manager with every hypothesis about what follows a
//! failed attempt, the broker, the cluster and the people. [`incidents`] has the table of incidents, the queue and
//! dlq-handler. In both, the state of each outside system is a few small numbers.
//!
//! Pure decisions are asked of the functions themselves ([`suite`]): if a rule changes there, it changes here. The order of
//! the effects, and which value a step reads, are written down here a second time. A change of them must be made in both
//! places.
//!
//! A transition is one effect on one outside system, with the reads and the decision before it. So an invocation can be
//! killed before and after each effect, and another one can run in between.

pub mod checking;
mod graph;
pub mod incidents;
pub mod mutation;
pub mod report;
pub mod rotation;
pub mod suite;
