//! The application's users and secret, and the initial state of each cell.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use testbed::cloud::{random_text, route_to, tag};

use super::{NAMESPACE, Stand};
use crate::fault_matrix::call_name::Names;
use crate::fault_matrix::hypothesis::Hypothesis;
use crate::fault_matrix::point::Turn;

/// The receipt's tag.
pub const RECEIPT: &str = "secret2eks/delivered";
/// A vhost that the application does not use.
const OTHER_VHOST: &str = "proof-other";
const DELIVERY: Duration = Duration::from_secs(30);

/// A pair of users, their secret, and its destination.
#[derive(Debug, Clone)]
pub struct Account {
    /// The secret's ARN.
    pub secret: String,
    /// The name of its ExternalSecret and Secret in [`NAMESPACE`].
    pub object: String,
    /// The application's permissions.
    pub grants: Value,
}

/// The tag that names the pair of a secret.
const PIN: &str = "rotation-mq/user";

/// The mark of the secret on its broker users. It is built from the account and the name in the secret's ARN.
fn mark(secret: &str) -> String {
    let mut parts = secret.splitn(7, ':').skip(4);
    let (account, name) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    let digest = Sha256::digest(format!("{account}:{name}"));
    let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("secret-{digits}")
}

impl Stand<'_> {
    /// The account. It is created if there is none.
    ///
    /// # Errors
    /// When a part refuses.
    pub async fn account(&mut self) -> Result<Account> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let account = self.create_account().await?;
        self.account = Some(account.clone());
        Ok(account)
    }

    /// Abandons the account. The next cell starts with a new one.
    pub fn abandon_account(&mut self) {
        self.account = None;
    }

    async fn create_account(&mut self) -> Result<Account> {
        self.accounts += 1;
        let user = format!("{}-{}", self.name, self.accounts);
        let password = random_text(32)?;
        self.broker.create_vhost(OTHER_VHOST).await?;
        self.broker.create_user(&user, &password, &[]).await?;
        self.broker.set_permissions(&user, "/", ["", "^orders$", "^orders$"]).await?;
        self.broker.set_topic_permission(&user, "/", "amq.topic", ["^a", "^b"]).await?;
        self.broker.set_limit(&user, "max-connections", 20).await?;
        let value = json!({"engine": "rabbitmq", "brokerId": self.broker_id, "masterarn": self.admin_secret,
            "username": user, "password": password});
        let create = self.cloud.secrets.create_secret().name(format!("{}/{user}", self.name));
        let mut tags = vec![tag("rotation-mq", "rotate")];
        tags.extend(route_to(NAMESPACE, &user).map(|(key, value)| tag(key, value)));
        let created = create.secret_string(value.to_string()).set_tags(Some(tags)).send().await?;
        let secret = created.arn.context("a secret without an ARN")?;
        let grants = self.broker.grants(&user).await?;
        Ok(Account { secret, object: user, grants })
    }

    /// Creates the initial state of a cell. The cluster contains the current version. In a first rotation, the other user
    /// of the pair is missing and secret2eks does not run. Otherwise, the other user has different permissions of every
    /// kind, and secret2eks keeps a connection. The failures of the turn start now.
    ///
    /// # Errors
    /// When the state cannot be created.
    pub async fn prepare(&mut self, turn: Turn) -> Result<(Account, Names)> {
        self.open().await?;
        self.ask_again(turn == Turn::Undelivered).await?;
        let account = self.account().await?;
        self.deliver_current(&account).await?;
        let value = self.cloud.value(&account.secret, "AWSCURRENT").await?;
        let active = value["username"].as_str().context("a value without a user")?.to_owned();
        let inactive = match active.strip_suffix("_clone") {
            Some(first) => first.to_owned(),
            None => format!("{active}_clone"),
        };
        self.broker.delete_user(&inactive).await?;
        // A rotation pins the secret once. The pin is removed before each cell, so that each cell makes the call.
        let untag = self.cloud.secrets.untag_resource().secret_id(&account.secret);
        untag.tag_keys(PIN).send().await.context("the pin stays")?;
        if turn == Turn::First {
            // A changed variable starts a new process, which calls EKS and logs in to the cluster.
            self.restarts += 1;
            let restart = self.restarts.to_string();
            self.cloud.add_variables(&self.delivery, &[("PROOF_RESTART", &restart)]).await?;
        } else {
            let mark = mark(&account.secret);
            self.broker.create_user(&inactive, &random_text(32)?, &["monitoring", &mark]).await?;
            self.broker.set_permissions(&inactive, OTHER_VHOST, [".*"; 3]).await?;
            self.broker.set_topic_permission(&inactive, "/", "amq.direct", ["^a", "^b"]).await?;
            self.broker.set_limit(&inactive, "max-channels", 20).await?;
        }
        if turn == Turn::Mending {
            self.fail_once(&account).await?;
        }
        self.open().await?;
        match turn {
            Turn::First | Turn::Later | Turn::Mending => {}
            Turn::Failing => self.let_rotations_fail(),
            Turn::Undelivered => self.let_deliveries_fail(),
        }
        let names = Names { active, inactive, secret: account.secret.clone() };
        Ok((account, names))
    }

    async fn fail_once(&self, account: &Account) -> Result<()> {
        self.assume(account, Hypothesis::SameToken).await?;
        self.let_rotations_fail();
        let failed = self.rotate(account).await?;
        let end = self.settle(account, &failed).await?;
        self.an_incident_is_open(account, &end).await
    }

    async fn deliver_current(&self, account: &Account) -> Result<()> {
        let current =
            self.cloud.version(&account.secret, "AWSCURRENT").await?.context("nothing is current")?;
        if self.cloud.tag_of(&account.secret, RECEIPT).await?.as_deref() == Some(current.as_str()) {
            return Ok(());
        }
        let request = json!({"secretArn": account.secret, "versionId": current, "attempt": 1});
        self.cloud.invoke_function(&self.delivery, &request).await?.value()?;
        self.cloud.wait_for_tag(&account.secret, RECEIPT, &current, DELIVERY).await
    }
}
