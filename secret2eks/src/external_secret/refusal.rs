//! Why an ExternalSecret is not touched, or is no evidence.

/// Why the object is not touched, or proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It carries another secret's ARN.
    #[error("it belongs to the secret {0}")]
    OtherSecret(String),
    /// It carries no ARN, so somebody else made it.
    #[error(
        "it was not made by secret2eks; where GitOps owns it, set the tag `secret2eks/mode` to `refresh`"
    )]
    NotOurs,
    /// A controller that sets annotations back made it.
    #[error(
        "it belongs to the ClusterExternalSecret `{0}`, whose controller removes what secret2eks writes: \
         use an ExternalSecret of its own"
    )]
    OfClusterExternalSecret(String),
    /// Mode `refresh`, and it reads something else.
    #[error("none of its `remoteRef` keys names this secret")]
    ReadsOtherSecrets,
    /// Mode `refresh`, and a key is the end of the secret's name.
    #[error(
        "its key `{0}` is the end of this secret's name: a store with a `prefix` is not supported, because \
         secret2eks may not read stores; use a store without one, and the complete name or ARN as the key"
    )]
    StoreWithPrefix(String),
    /// Mode `refresh`, and it would ignore us.
    #[error("its refresh policy ignores a forced sync: use `OnChange`, or `Periodic` with an interval")]
    IgnoresForcedSync,
    /// Mode `refresh`, and it is not there.
    #[error("it does not exist, and the tag `secret2eks/mode` says that GitOps makes it")]
    Missing,
    /// The operator may report success without the current value in the Kubernetes Secret.
    #[error(transparent)]
    Unproven(#[from] Unproven),
    /// Mode `apply`: it was set back, and is different again.
    #[error("somebody, or an admission controller, changes it while it is delivered: {0}")]
    ChangedAgain(String),
}

/// A field with which the operator may report success although the Kubernetes Secret does not hold the current value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {reason}")]
pub struct Unproven {
    /// Where it is.
    pub field: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Unproven {
    pub(super) fn new(field: impl Into<String>, reason: &'static str) -> Self {
        Self { field: field.into(), reason }
    }
}

/// A field's name, when it is one that can stand in a message.
pub(super) fn named(field: &str) -> &str {
    let plain = field.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if plain && field.len() <= 253 { field } else { "?" }
}
