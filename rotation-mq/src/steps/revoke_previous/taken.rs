//! If a rotation takes the user during the revocation, the user gets its password back.

use rand::rngs::ThreadRng;

use super::Revocation;
use super::plan::{Restoration, restoration};
use crate::error::RotationError;
use crate::grants::ADMINISTRATOR_TAG;
use crate::password;
use crate::secret_store::Version;
use crate::steps::look_again::LOOKS;
use crate::version_state::IN_USE;

impl Revocation<'_> {
    /// Gives the user the password that AWSCURRENT or AWSPENDING has for it by now, if that may be: see [`restoration`]. The
    /// labels may move while that is written, so they are looked at again afterwards, [`LOOKS`] times in
    /// total.
    pub(super) async fn refuse_if_taken(&self) -> Result<(), RotationError> {
        let mut restored: Option<(&'static str, String)> = None;
        for _ in 0..LOOKS {
            let Some((stage, taken)) = self.taken().await? else { break };
            if restored.as_ref().is_some_and(|(_, id)| *id == taken.id) {
                break;
            }
            let user = self.user().to_owned();
            match self.restore(&taken).await? {
                Restoration::Restore => restored = Some((stage, taken.id)),
                Restoration::IsLeaked => {
                    return Err(RotationError::RevokeLeaked { user, stage, version: taken.id });
                }
                Restoration::Refuse(reason) => {
                    return Err(RotationError::RevokeTaken { user, stage, reason });
                }
            }
        }
        let user = self.user().to_owned();
        restored.map_or(Ok(()), |(stage, _)| Err(RotationError::RevokeRaced { user, stage }))
    }

    /// The version with AWSCURRENT or AWSPENDING that a rotation has made for the user since the revocation began.
    async fn taken(&self) -> Result<Option<(&'static str, Version)>, RotationError> {
        let now = self.rotation.secrets.describe(&self.event.secret_id).await.map_err(|source| {
            RotationError::Secret { what: "read again", secret: self.event.secret_id.clone(), source }
        })?;
        for stage in IN_USE {
            let Some(id) = now.versions.with_stage(stage).filter(|id| *id != self.current.id) else {
                continue;
            };
            let taken = self.value_of(id).await?;
            if let Some(taken) = taken.filter(|taken| taken.value.username() == self.user()) {
                return Ok(Some((stage, taken)));
            }
        }
        Ok(None)
    }

    /// Restores the password if it may be restored.
    async fn restore(&self, taken: &Version) -> Result<Restoration, RotationError> {
        let user = self.user();
        let broker = RotationError::broker("restore the password of", user);
        let grants = self.admin().grants(user).await.map_err(&broker)?.unwrap_or_default();
        let is_foreign_administrator = grants.tags.contains(ADMINISTRATOR_TAG)
            && self.rotation.config.prefixes.other_than_admin(&self.description.arn).is_some();
        let decided =
            restoration(&self.current.value, &self.leaked.value, &taken.value, is_foreign_administrator);
        if decided == Restoration::Restore {
            let hash = password::hash(taken.value.password(), &mut ThreadRng::default());
            self.admin().put_user(user, &grants.tags, &self.mark, &hash).await.map_err(&broker)?;
        }
        Ok(decided)
    }
}
