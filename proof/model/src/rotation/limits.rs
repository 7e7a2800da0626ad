//! What may still go wrong, and the time when nothing does.

use contract::Kind;

/// What may still go wrong. Each is counted down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Kills, lost answers, calls that fail, and time limits.
    pub faults: u8,
    /// Steps that are invoked twice or late.
    pub extra: u8,
    /// Further attempts with the same token.
    pub again: u8,
    /// New tokens.
    pub tokens: u8,
    /// What people do by hand.
    pub people: u8,
}

/// What Secrets Manager does after a failure, once the trouble is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hypothesis {
    /// The entire rotation again, with the same token (row H2).
    SameToken,
    /// The entire rotation again, with a new token (row H3).
    NewToken,
    /// Nothing (row H1). A person follows the playbook.
    None,
}

/// The time after the trouble: nothing fails any more, and the question is whether a rotation finishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Calm {
    /// What Secrets Manager does.
    pub hypothesis: Hypothesis,
    /// Attempts that are left before a person acts.
    pub attempts: u8,
    /// What failed last.
    pub failure: Option<Kind>,
    /// How often a person had to act.
    pub persons: u8,
    /// Whether a rotation has finished.
    pub finished: bool,
}
