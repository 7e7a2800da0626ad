//! Why an ExternalSecret must not be changed, or does not prove a delivery.

/// Why the object must not be changed, or proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was deleted, and a finalizer keeps it. The next attempt creates it again.
    #[error("it is being deleted, so its Kubernetes Secret goes as well; the next delivery creates it again")]
    BeingDeleted,
    /// It has another secret's ARN.
    #[error("it belongs to the secret {0}")]
    OtherSecret(String),
    /// It has no ARN, so somebody else created it.
    #[error("secret2eks did not create it; if GitOps owns it, set the tag `secret2eks/mode` to `refresh`")]
    NotOurs,
    /// It belongs to a controller that resets annotations.
    #[error(
        "it belongs to the ClusterExternalSecret `{0}`, whose controller removes what secret2eks writes: \
         use a separate ExternalSecret"
    )]
    OfClusterExternalSecret(String),
    /// Mode `refresh`: it reads another secret.
    #[error("none of its `remoteRef` keys names this secret")]
    ReadsOtherSecrets,
    /// Mode `refresh`: a key is the end of the secret's name.
    #[error(
        "its key `{0}` is the end of this secret's name: a store with a `prefix` is not supported, because \
         secret2eks may not read stores; use a store without one, and the complete name or ARN as the key"
    )]
    StoreWithPrefix(String),
    /// Mode `refresh`: the operator would ignore the annotation.
    #[error("its refresh policy ignores a forced sync: use `OnChange`, or `Periodic` with an interval")]
    IgnoresForcedSync,
    /// Mode `refresh`: it does not exist.
    #[error("it does not exist, although the tag `secret2eks/mode` says that GitOps creates it")]
    Missing,
    /// The operator may report success without the current value in the Kubernetes Secret.
    #[error(transparent)]
    Unproven(#[from] Unproven),
    /// Mode `apply`: secret2eks restored it, and it is different again.
    #[error("somebody, or an admission controller, changes it during the delivery: {0}")]
    ChangedAgain(String),
}

/// A field with which the operator may report success although the Kubernetes Secret does not hold the current value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {reason}")]
pub struct Unproven {
    /// The path of the field.
    pub field: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Unproven {
    pub(super) fn new(field: impl Into<String>, reason: &'static str) -> Self {
        Self { field: field.into(), reason }
    }
}

/// A field's name, if it may be a part of a message.
pub(super) fn named(field: &str) -> &str {
    let plain = field.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if plain && field.len() <= 253 { field } else { "?" }
}
