//! How an attempt can end.

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The new version is current, both users may do the same, and the cluster holds it.
    Converged,
    /// The rotation succeeded, but the cluster does not hold it.
    Undelivered,
    /// A step failed.
    Failed {
        /// `errorType`
        kind: String,
    },
}
