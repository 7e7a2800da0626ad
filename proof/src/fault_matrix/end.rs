//! The possible ends of an attempt.

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The new version is current, both users have the same permissions, and the cluster contains it.
    Converged,
    /// The rotation succeeded, but the cluster does not contain the new version.
    Undelivered,
    /// A step failed.
    Failed {
        /// `errorType`
        kind: String,
    },
}
