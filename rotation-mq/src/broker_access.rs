//! Who manages the broker's users for a secret, and where: the admin's login and the endpoints it may be
//! sent to.

use contract::{SecretValue, names_same_secret};

use crate::amazon_mq::{AmazonMq, Endpoints};
use crate::error::RotationError;
use crate::management_api::{ManagementApi, ManagementClient};
use crate::name_prefixes::NamePrefixes;
use crate::secret_store::{SecretStore, Version};

/// What is needed to find a broker and its admin.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// Secrets Manager.
    pub secrets: &'a SecretStore,
    /// Amazon MQ's API.
    pub amazon_mq: &'a AmazonMq,
    /// The broker's management API.
    pub management: &'a ManagementClient,
    /// What the names of admin secrets begin with.
    pub prefixes: &'a NamePrefixes,
}

/// The endpoints of the broker, the admin's credentials, and the client that uses them.
#[derive(Debug)]
pub struct BrokerAccess<'a> {
    /// Where the broker listens.
    pub endpoints: Endpoints,
    admin: Option<Version>,
    management: &'a ManagementClient,
}

impl<'a> BrokerAccess<'a> {
    /// Finds the broker of `current` and reads its admin secret.
    ///
    /// The admin's password may only go to the endpoints in the admin secret. So a rotated secret that
    /// names another broker is refused before anything is sent. Otherwise, anyone who may write a rotated
    /// secret could have the admin's password sent to a host of their own.
    ///
    /// # Errors
    /// When one of the two cannot be read, or they are for different brokers.
    pub async fn open(
        lookup: Lookup<'a>,
        secret: &str,
        current: &SecretValue,
    ) -> Result<Self, RotationError> {
        let Lookup { secrets, amazon_mq, management, prefixes } = lookup;
        let Some(admin_secret) = current.admin_secret().filter(|arn| !names_same_secret(secret, arn)) else {
            let endpoints = amazon_mq.endpoints(current.broker()).await?;
            return Ok(Self { endpoints, admin: None, management });
        };
        if let Some(prefix) = prefixes.other_than_admin(admin_secret) {
            return Err(RotationError::AdminSecretOutsidePrefix {
                admin_secret: admin_secret.to_owned(),
                prefix: prefix.to_owned(),
            });
        }
        let (admin, endpoints) =
            tokio::join!(secrets.current_login(admin_secret), amazon_mq.endpoints(current.broker()));
        let admin = admin
            .map_err(|source| RotationError::AdminSecret { admin_secret: admin_secret.to_owned(), source })?;
        let endpoints = endpoints?;
        let same_broker = admin.value.broker() == current.broker()
            || amazon_mq.endpoints(admin.value.broker()).await? == endpoints;
        if same_broker {
            Ok(Self { endpoints, admin: Some(admin), management })
        } else {
            Err(RotationError::OtherBroker {
                admin_secret: admin_secret.to_owned(),
                admin_broker: admin.value.broker().to_string(),
                broker: current.broker().to_string(),
            })
        }
    }

    /// Refuses to reset the admin from a secret other than its own, which would keep the old password.
    ///
    /// # Errors
    /// [`RotationError::AdminIsRotatedUser`].
    pub fn refuse_to_reset_the_admin(&self, current: &SecretValue, user: &str) -> Result<(), RotationError> {
        match &self.admin {
            Some(admin) if admin.value.username() == user => Err(RotationError::AdminIsRotatedUser {
                admin_secret: current.admin_secret().unwrap_or_default().to_owned(),
                user: user.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// The user of the admin secret. None if the secret is an administrator's own.
    #[must_use]
    pub fn admin_user(&self) -> Option<&str> {
        self.admin.as_ref().map(|admin| admin.value.username())
    }

    /// The management API as the admin of the admin secret. None if the secret is an administrator's own.
    #[must_use]
    pub fn admin(&self) -> Option<ManagementApi<'_>> {
        self.admin.as_ref().map(|admin| self.as_user(&admin.value))
    }

    /// The management API as the admin. A secret without an admin secret, or that is its own, is an
    /// administrator's: it acts with its current credentials.
    #[must_use]
    pub fn as_admin<'s>(&'s self, current: &'s SecretValue) -> ManagementApi<'s> {
        self.as_user(self.admin.as_ref().map_or(current, |admin| &admin.value))
    }

    /// The management API with the credentials of `value`.
    #[must_use]
    pub fn as_user<'s>(&'s self, value: &'s SecretValue) -> ManagementApi<'s> {
        self.management.login(&self.endpoints.management_url, value.username(), value.password())
    }

    /// Whether the secret is an administrator that changes itself.
    #[must_use]
    pub fn is_own_admin(&self) -> bool {
        self.admin.is_none()
    }
}
