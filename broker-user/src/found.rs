//! What a request finds: the secret, its pair of users, and the way to their broker.

use std::sync::Arc;
use std::time::Duration;

use contract::Tags;
use lambda_boundary::Backoff;
use rotation_mq::broker_access::BrokerAccess;
use rotation_mq::error::RotationError;
use rotation_mq::management_api::ManagementApi;
use rotation_mq::ownership::Mark;
use rotation_mq::pair::Pair;
use rotation_mq::secret_store::{Description, StoreError, Version};
use rotation_mq::subject::Subject;
use rotation_mq::version_state::{AWSCURRENT, AWSPENDING, Versions};

use crate::BrokerUsers;
use crate::decide::{Refusal, check_vhost, is_of_admin, pair_of};
use crate::error::BrokerUserError;
use crate::properties::Wanted;

/// A deployment creates the secret a moment before its user, and Secrets Manager is *"eventually consistent"*.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html>
const READ_AGAIN: Backoff = Backoff::every(Duration::from_millis(500), 4);

/// A secret, and the broker that its users are on.
#[derive(Debug)]
pub struct Found<'a> {
    /// Staging labels and tags.
    pub description: Description,
    /// The current version.
    pub current: Version,
    /// The two users that the secret is for.
    pub pair: Pair,
    /// The mark that this secret sets on them.
    pub mark: Mark,
    /// The broker and its admin. A request that fails still needs them, after this is gone.
    pub access: Arc<BrokerAccess<'a>>,
}

impl Found<'_> {
    /// AWSCURRENT's user.
    #[must_use]
    pub fn active(&self) -> &str {
        self.current.value.username()
    }

    /// The user that takes turns with it.
    #[must_use]
    pub fn other(&self) -> &str {
        self.pair.other(self.active())
    }

    /// The management API as the admin.
    #[must_use]
    pub fn admin(&self) -> ManagementApi<'_> {
        self.access.as_admin(&self.current.value)
    }

    /// The version that a rotation is making, if one is under way.
    #[must_use]
    pub fn rotation_under_way(&self) -> Option<&str> {
        pending(&self.description.versions)
    }
}

/// The version with AWSPENDING, if AWSCURRENT is attached to another one.
#[must_use]
pub fn pending(versions: &Versions) -> Option<&str> {
    versions.with_stage(AWSPENDING).filter(|pending| versions.with_stage(AWSCURRENT) != Some(*pending))
}

/// Reads the secret of a user and finds its broker. It makes every check that needs no answer of the broker.
///
/// # Errors
/// When one of them cannot be read, or the properties do not fit the secret.
pub async fn find<'a>(
    users: &'a BrokerUsers,
    wanted: &Wanted,
    subject: &Subject,
) -> Result<Found<'a>, BrokerUserError> {
    let identity = &wanted.identity;
    let (description, current) = read(users, &identity.secret).await;
    let failed_to = |what, source| RotationError::Secret { what, secret: identity.secret.clone(), source };
    let description = description.map_err(|source| failed_to("describe", source))?;
    if let Some(tag) = &users.config.rotation_tag {
        let refused = |source| RotationError::Tag { secret: identity.secret.clone(), source };
        tag.check(&description.tags).map_err(refused)?;
    }
    let current = current.map_err(|source| failed_to("read the current value of", source))?;
    let _ = subject.broker.set(current.value.broker().to_string());
    let refused = |source| BrokerUserError::refused(identity, source);
    let pair = pair_of(identity, description.tags.get(Tags::USER), &current.value).map_err(refused)?;
    check_vhost(&wanted.grants, current.value.vhost()).map_err(refused)?;
    let access = BrokerAccess::open(users.lookup(), &description.arn, &current.value).await?;
    check_admin(&access, &pair).map_err(refused)?;
    let mark = Mark::of(&description.arn);
    Ok(Found { description, current, pair, mark, access: Arc::new(access) })
}

/// A user that takes turns with the admin may not exist yet. The admin's own rotation would create it.
fn check_admin(access: &BrokerAccess<'_>, pair: &Pair) -> Result<(), Refusal> {
    let Some(admin) = access.admin_user() else { return Err(Refusal::AdminSecret) };
    if pair.users().iter().any(|user| is_of_admin(user, admin)) {
        return Err(Refusal::OfAdmin { admin: admin.to_owned() });
    }
    Ok(())
}

async fn read(
    users: &BrokerUsers,
    secret: &str,
) -> (Result<Description, StoreError>, Result<Version, StoreError>) {
    let read = async || tokio::join!(users.secrets.describe(secret), users.secrets.current(secret));
    let is_missing = |error: &StoreError| matches!(error, StoreError::NotFound | StoreError::NoValue);
    let are_missing = |(description, current): &(Result<Description, _>, Result<Version, _>)| {
        description.as_ref().is_err_and(is_missing) || current.as_ref().is_err_and(is_missing)
    };
    READ_AGAIN.run(read, are_missing).await
}
