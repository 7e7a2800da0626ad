//! The prefixes of the names of secrets: of those that rotate, and of the admin secrets. Pure.

use contract::secret_name;
use lambda_boundary::{ConfigError, Environment, wrong};

/// The prefixes of the template's parameters `SecretNamePrefix` and `AdminSecretNamePrefix`. Without them, as in a local
/// run, a name proves nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamePrefixes {
    admin: Option<String>,
}

impl NamePrefixes {
    /// Reads `SECRET_NAME_PREFIX` and `ADMIN_SECRET_NAME_PREFIX`. CloudFormation cannot compare two parameters by
    /// their beginnings, so it is done here.
    ///
    /// # Errors
    /// When one of them begins with the other: a policy for one kind of secrets would include the other kind.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let rotated = environment.optional("SECRET_NAME_PREFIX");
        let admin = environment.optional("ADMIN_SECRET_NAME_PREFIX");
        if let (Some(rotated), Some(admin)) = (&rotated, &admin)
            && (rotated.starts_with(admin.as_str()) || admin.starts_with(rotated.as_str()))
        {
            let expected = "a prefix, and neither it nor SECRET_NAME_PREFIX may begin with the other \
                            (the stack's parameters AdminSecretNamePrefix and SecretNamePrefix)";
            return Err(wrong("ADMIN_SECRET_NAME_PREFIX", expected));
        }
        Ok(Self { admin })
    }

    /// The prefix of admin secrets, if the name of the secret with this ARN does not begin with it.
    #[must_use]
    pub fn other_than_admin(&self, secret_arn: &str) -> Option<&str> {
        let prefix = self.admin.as_deref()?;
        let has_it = secret_name(secret_arn).is_some_and(|name| name.starts_with(prefix));
        (!has_it).then_some(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rotated: &str, admin: &str) -> Result<NamePrefixes, ConfigError> {
        let variables = [("SECRET_NAME_PREFIX", rotated), ("ADMIN_SECRET_NAME_PREFIX", admin)];
        NamePrefixes::read(&Environment::of(&variables))
    }

    #[test]
    fn prefixes_that_contain_each_other_are_refused() {
        for (rotated, admin, is_right) in [
            ("rabbitmq/", "rabbitmq-admin/", true),
            ("rabbitmq", "rabbitmq-admin/", false),
            ("rabbitmq/", "rabbitmq/admin/", false),
            ("mq/admin/app", "mq/admin", false),
            ("same/", "same/", false),
            ("rabbitmq/", "", true),
            ("", "", true),
        ] {
            assert_eq!(read(rotated, admin).is_ok(), is_right, "{rotated} {admin}");
        }
    }

    #[test]
    fn an_admin_secret_is_known_by_its_name() -> Result<(), ConfigError> {
        let prefixes = read("rabbitmq/", "rabbitmq-admin/")?;
        let arn =
            |name: &str| format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-AbCdEf");
        assert_eq!(prefixes.other_than_admin(&arn("rabbitmq-admin/main")), None);
        for other in ["rabbitmq/payment", "x/rabbitmq-admin/main", "RabbitMQ-admin/main"] {
            assert_eq!(prefixes.other_than_admin(&arn(other)), Some("rabbitmq-admin/"), "{other}");
        }
        assert_eq!(read("", "")?.other_than_admin(&arn("rabbitmq/payment")), None, "a local run");
        Ok(())
    }
}
