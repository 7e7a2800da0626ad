//! Which secrets are of the stack, and what their tag says.

use crate::aws::cloudformation::Stack;
use crate::secret::Secret;

/// What the stack says about tags and names.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'s> {
    /// Prefix of the names of rotated secrets.
    pub prefix: &'s str,
    /// Prefix of the names of admin secrets.
    pub admin_prefix: &'s str,
    /// Key of the tag of both.
    pub key: &'s str,
    /// Its value on a rotated secret.
    pub rotate: &'s str,
    /// Its value on an admin secret.
    pub admin: &'s str,
}

impl<'s> Rules<'s> {
    /// Reads the parameters of the stack.
    #[must_use]
    pub fn of(stack: &'s Stack) -> Self {
        let or = |name, default| stack.parameter(name).unwrap_or(default);
        Self {
            prefix: or("SecretNamePrefix", "rabbitmq/"),
            admin_prefix: or("AdminSecretNamePrefix", "rabbitmq-admin/"),
            key: or("RotationTagKey", "rotation-mq"),
            rotate: or("RotationTagValue", "rotate"),
            admin: or("AdminTagValue", "admin"),
        }
    }

    /// Whether the suite rotates the secret, by its tag.
    #[must_use]
    pub fn rotates(&self, secret: &Secret) -> bool {
        secret.tags.get(self.key) == Some(self.rotate)
    }

    /// Whether it is an admin secret that is only read.
    #[must_use]
    pub fn is_admin(&self, secret: &Secret) -> bool {
        secret.tags.get(self.key) == Some(self.admin) && secret.name.starts_with(self.admin_prefix)
    }
}
