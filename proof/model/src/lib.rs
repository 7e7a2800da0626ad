//! A model checker walks every interleaving of a rotation, with the suite's own decisions.
//!
//! Two models share the means of checking. [`rotation`] has Secrets Manager with every hypothesis about what follows a
//! failed attempt, the broker, the cluster and the people. [`incidents`] has the table of incidents, the queue and
//! dlq-handler. In both, an outside system is a few small numbers, and what a function decides is asked of the function
//! itself ([`suite`]). So the model cannot drift from the code: if a rule changes there, it changes here.
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
