//! A rotation may take the user while it is revoked: the user gets its password back then.

use rand::rngs::ThreadRng;

use super::Revocation;
use crate::error::RotationError;
use crate::grants::ADMINISTRATOR_TAG;
use crate::secret_store::Version;
use crate::version_state::{AWSCURRENT, AWSPENDING};
use crate::{pair, password};

impl Revocation<'_> {
    /// Gives the user the password that AWSCURRENT or AWSPENDING has for it by now.
    ///
    /// The value was read after the first write, so whoever may store a value can have stored it on purpose. It is taken
    /// only when it may follow what was AWSCURRENT when the call began, as a rotation's does, and never for an
    /// administrator outside the admin secrets: the user is the secret's own then, and nobody gains more than the secret
    /// gives them anyway.
    pub(super) async fn refuse_if_taken(&self) -> Result<(), RotationError> {
        let user = self.user();
        let now = self.rotation.secrets.describe(&self.event.secret_id).await.map_err(|source| {
            RotationError::Secret { what: "read again", secret: self.event.secret_id.clone(), source }
        })?;
        for stage in [AWSCURRENT, AWSPENDING] {
            let Some(id) = now.versions.with_stage(stage).filter(|id| *id != self.current.id) else {
                continue;
            };
            let Some(taken) = self.value_of(id).await?.filter(|taken| taken.value.username() == user) else {
                continue;
            };
            return Err(match self.restore(&taken).await? {
                None => RotationError::RevokeRaced { user: user.to_owned(), stage },
                Some(reason) => RotationError::RevokeTaken { user: user.to_owned(), stage, reason },
            });
        }
        Ok(())
    }

    /// Why the password was not restored; none when it was.
    async fn restore(&self, taken: &Version) -> Result<Option<&'static str>, RotationError> {
        let user = self.user();
        let broker = RotationError::broker("restore the password of", user);
        let grants = self.admin().grants(user).await.map_err(&broker)?.unwrap_or_default();
        if pair::check_pending(&self.current.value, &taken.value, user).is_err() {
            return Ok(Some("that value does not follow what was AWSCURRENT when the revocation began"));
        }
        let prefixes = &self.rotation.config.prefixes;
        if grants.tags.contains(ADMINISTRATOR_TAG)
            && prefixes.other_than_admin(&self.description.arn).is_some()
        {
            return Ok(Some("the user is an administrator and the secret is not an admin secret"));
        }
        let hash = password::hash(taken.value.password(), &mut ThreadRng::default());
        self.admin().put_user(user, &grants.tags, &self.mark, &hash).await.map_err(&broker)?;
        Ok(None)
    }
}
