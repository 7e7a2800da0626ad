//! What is checked before a revocation writes anything.

use super::Revocation;
use super::plan::{Staged, staged};
use crate::error::RotationError;
use crate::event::RevokePreviousEvent;
use crate::grants::Grants;
use crate::ownership::{Claim, of_user};
use crate::secret_store::Description;
use crate::turn::is_undelivered;
use crate::version_state::{AWSPENDING, Refusal};

impl Revocation<'_> {
    /// A pending version of the other user does not block a revocation.
    pub(super) async fn refuse_while_in_use(&self) -> Result<(), RotationError> {
        let description = &self.description;
        let pending = description.versions.with_stage(AWSPENDING).filter(|id| *id != self.current.id);
        if let Some(id) = pending
            && self.value_of(id).await?.is_some_and(|pending| pending.value.username() == self.user())
        {
            return Err(refused(
                self.event,
                "a rotation has given its user to AWSPENDING; let it finish first",
            ));
        }
        if !self.event.force && is_undelivered(&description.tags, &self.current.id) {
            let reason = "the cluster is not known to hold the current version (tag `secret2eks/delivered`), so \
                          production may still log in with it; deliver first, or send \"force\":true to cut production \
                          off";
            return Err(refused(self.event, reason));
        }
        Ok(())
    }

    /// A mark proves whom the user belongs to. Without a mark, a login with the version itself or with AWSCURRENT proves it.
    pub(super) async fn refuse_unless_ours(&self, grants: &Grants) -> Result<(), RotationError> {
        let user = self.user();
        match of_user(&self.mark, &grants.tags) {
            None => return Err(refused(self.event, &format!("its user `{user}` belongs to another secret"))),
            Some(Claim::Ours) => return Ok(()),
            Some(Claim::NeedsProof) => {}
        }
        let values = [&self.leaked.value, &self.current.value];
        for value in values.into_iter().filter(|value| value.username() == user) {
            let login = self.access.as_user(value).login_is_accepted().await;
            if login.map_err(RotationError::broker("check the login of", user))? {
                return Ok(());
            }
        }
        let reason = format!(
            "the broker refuses its login already, and nothing else shows that user `{user}` belongs to this secret; its \
             connections were left open"
        );
        Err(refused(self.event, &reason))
    }
}

pub(super) fn refuse_while_staged(
    event: &RevokePreviousEvent,
    description: &Description,
) -> Result<(), RotationError> {
    let why = match staged(&description.versions, &event.version_id) {
        None => return Ok(()),
        Some(Staged::Unknown) => {
            let (secret, version) = (event.secret_id.clone(), event.version_id.clone());
            return Err(RotationError::Preamble { secret, version, source: Refusal::UnknownVersion });
        }
        Some(Staged::Current) => "it is AWSCURRENT; rotate the secret first",
        Some(Staged::Pending) => "it is AWSPENDING; finish the rotation first, or remove AWSPENDING from it",
    };
    Err(refused(event, why))
}

pub(super) fn refused(event: &RevokePreviousEvent, reason: &str) -> RotationError {
    RotationError::RevokeRefused { version: event.version_id.clone(), reason: reason.to_owned() }
}
