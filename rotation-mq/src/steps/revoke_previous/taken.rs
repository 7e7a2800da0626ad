//! If a rotation takes the user during the revocation, the user gets its password back.

use rand::rngs::ThreadRng;

use super::Revocation;
use super::plan::{Restoration, restoration};
use crate::error::RotationError;
use crate::grants::ADMINISTRATOR_TAG;
use crate::password;
use crate::secret_store::Version;
use crate::version_state::IN_USE;

impl Revocation<'_> {
    /// Gives the user the password that AWSCURRENT or AWSPENDING has for it by now, if that may be: see [`restoration`].
    pub(super) async fn refuse_if_taken(&self) -> Result<(), RotationError> {
        let user = self.user();
        let now = self.rotation.secrets.describe(&self.event.secret_id).await.map_err(|source| {
            RotationError::Secret { what: "read again", secret: self.event.secret_id.clone(), source }
        })?;
        for stage in IN_USE {
            let Some(id) = now.versions.with_stage(stage).filter(|id| *id != self.current.id) else {
                continue;
            };
            let Some(taken) = self.value_of(id).await?.filter(|taken| taken.value.username() == user) else {
                continue;
            };
            let user = user.to_owned();
            return Err(match self.restore(&taken).await? {
                Restoration::Restore => RotationError::RevokeRaced { user, stage },
                Restoration::IsLeaked => RotationError::RevokeLeaked { user, stage, version: taken.id },
                Restoration::Refuse(reason) => RotationError::RevokeTaken { user, stage, reason },
            });
        }
        Ok(())
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
