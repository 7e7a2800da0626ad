//! The users and secrets of the store: what an update may change, and what it must not change.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use proof::cookie_store::Deployment;
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud};

use super::NAME;

/// Permissions, topic permissions and limits by user.
pub type Grants = BTreeMap<String, Value>;

/// The state at one time. It has no `Debug`, because the accounts contain hashes of passwords.
pub struct State {
    pub grants: Grants,
    /// By user, with the hash of the password and the tags.
    pub accounts: BTreeMap<String, Value>,
    /// The version that is AWSCURRENT, by secret.
    pub versions: BTreeMap<String, Option<String>>,
}

impl State {
    /// Reads it from the broker and from Secrets Manager.
    pub async fn read(cloud: &Cloud, deployment: &Deployment) -> Result<Self> {
        let management = cloud.broker.management()?;
        let (mut grants, mut accounts, mut versions) = (Grants::new(), BTreeMap::new(), BTreeMap::new());
        for (_, app) in &deployment.apps {
            versions.insert(app.arn.clone(), cloud.version(&app.arn, "AWSCURRENT").await?);
            for user in pair(app) {
                let account = management.user(&user).await?;
                let account = account.with_context(|| format!("user `{user}` is missing"))?;
                grants.insert(user.clone(), management.grants(&user).await?);
                accounts.insert(user, account);
            }
        }
        Ok(Self { grants, accounts, versions })
    }

    /// The user's write permission in the vhost of the store. Empty if there is none.
    pub fn write(&self, user: &str) -> &str {
        let permissions = self.grants.get(user).and_then(|grants| grants.pointer(&write_pointer()));
        permissions.and_then(Value::as_str).unwrap_or_default()
    }
}

/// Both users of the pair.
pub fn pair(app: &App) -> [String; 2] {
    [app.user.clone(), clone_of(&app.user)]
}

pub fn clone_of(user: &str) -> String {
    format!("{user}_clone")
}

/// The grants if only the write permission of these users changes.
pub fn with_write(mut grants: Grants, users: &[String], write: &str) -> Grants {
    for user in users {
        if let Some(found) = grants.get_mut(user).and_then(|own| own.pointer_mut(&write_pointer())) {
            *found = json!(write);
        }
    }
    grants
}

/// Where `Management::grants` has the write permission: after the one to configure. Its keys are JSON texts.
fn write_pointer() -> String {
    format!("/permissions/\"{NAME}\"/1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(write_of_payment: &str, write_of_order: &str) -> Grants {
        let of = |write: &str| json!({"permissions": {"\"bakery\"": ["^$", write, "^$"]}, "limits": {}});
        Grants::from([
            ("bakery-payment".to_owned(), of(write_of_payment)),
            ("bakery-order".to_owned(), of(write_of_order)),
        ])
    }

    #[test]
    fn an_update_may_change_the_write_permission_of_these_users_alone() {
        let users = ["bakery-payment".to_owned(), "nobody".to_owned()];
        assert_eq!(with_write(grants("a", "b"), &users, "c"), grants("c", "b"));
        assert_eq!(with_write(grants("a", "b"), &[], "c"), grants("a", "b"));
    }

    #[test]
    fn a_user_without_the_permission_has_an_empty_one() {
        let state = State { grants: grants("a", "b"), accounts: BTreeMap::new(), versions: BTreeMap::new() };
        for (user, expected) in [("bakery-payment", "a"), ("bakery-order", "b"), ("nobody", "")] {
            assert_eq!(state.write(user), expected, "{user}");
        }
    }
}
