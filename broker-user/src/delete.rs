//! Deletes both users of a pair, if they have the mark of the secret.

use std::time::Duration;

use contract::Tags;
use lambda_boundary::causes;
use rotation_mq::amazon_mq::BrokerLookupError;
use rotation_mq::broker_access::BrokerAccess;
use rotation_mq::error::RotationError;
use rotation_mq::ownership::Mark;
use rotation_mq::pair::Pair;
use rotation_mq::secret_store::{Description, StoreError, Version};
use rotation_mq::subject::Subject;
use rotation_mq::version_state::AWSPREVIOUS;

use crate::BrokerUsers;
use crate::decide::broker_name;
use crate::error::BrokerUserError;
use crate::event::Id;
use crate::properties::Identity;
use crate::removal::{Removal, Secret, is_new, may_be_in_flight, reason_to_keep_all, removal};

/// How often the users are read. A rotation may create one again while the request runs.
const ROUNDS: u32 = 5;
/// How long a deletion waits for what may still write to the pair: longer than a step of a rotation needs.
const IN_FLIGHT: Duration = Duration::from_secs(20);

/// Deletes the users of the pair that belong to the secret. The broker closes their connections.
///
/// Safe to repeat: what is gone is no error, whether it is a user, the secret or the broker. Users of others stay.
///
/// # Errors
/// When the secret is beyond the ceiling, or it or the broker cannot be asked.
pub async fn delete(
    users: &BrokerUsers,
    identity: &Identity,
    id: Id,
    subject: &Subject,
) -> Result<(), BrokerUserError> {
    let _ = subject.user.set(identity.username.clone());
    let _ = subject.broker.set(identity.broker.clone());
    let beyond = |source| BrokerUserError::Beyond { user: identity.username.clone(), source };
    users.config.ceiling.check_secret(&identity.secret).map_err(beyond)?;
    let Some((description, current)) = read(users, &identity.secret).await? else { return Ok(()) };
    let broker = current.value.broker();
    let secret = Secret {
        is_new: is_new(description.created_at_ms, (users.now)().as_millisecond()),
        has_previous_value: description.versions.with_stage(AWSPREVIOUS).is_some(),
        is_on_broker: broker_name(broker) == identity.broker,
    };
    if let Some(why) = reason_to_keep_all(id, secret) {
        kept(&identity.username, why);
        return Ok(());
    }
    if let Err(error) = users.amazon_mq.endpoints(broker).await {
        if !is_broker_gone(&error) {
            return Err(RotationError::from(error).into());
        }
        kept(&identity.username, &error.to_string());
        return Ok(());
    }
    let access = BrokerAccess::open(users.lookup(), &description.arn, &current.value).await?;
    if access.is_own_admin() {
        kept(&identity.username, "the secret is an administrator's");
        return Ok(());
    }
    let pair = Pair::of(&identity.username);
    let removing =
        Removing { access: &access, description: &description, current: &current, pair: &pair, id };
    let mut looks_again = may_be_in_flight(id, &description.versions);
    for _ in 0..ROUNDS {
        if removing.once().await? {
            continue;
        }
        if !looks_again {
            return Ok(());
        }
        looks_again = false;
        tokio::time::sleep(IN_FLIGHT).await;
    }
    Err(BrokerUserError::KeepsChanging { secret: identity.secret.clone() })
}

/// The secret. None if it is gone. Its policy allows the function only secrets with a tag, so AWS may also answer that
/// access to a secret that does not exist is denied.
async fn read(users: &BrokerUsers, secret: &str) -> Result<Option<(Description, Version)>, RotationError> {
    let unreadable = |source| RotationError::Secret { what: "read", secret: secret.to_owned(), source };
    let (description, current) =
        tokio::join!(users.secrets.describe(secret), users.secrets.current_login(secret));
    match (description, current) {
        (Err(error), _) | (_, Err(error)) if is_gone(&error) => {
            tracing::warn!(
                secret.arn = secret,
                "the secret cannot be read, so no user is deleted: {error}: {}",
                causes(&error).join(": ")
            );
            Ok(None)
        }
        (description, current) => Ok(Some((description.map_err(unreadable)?, current.map_err(unreadable)?))),
    }
}

fn is_gone(error: &StoreError) -> bool {
    match error {
        StoreError::NotFound | StoreError::NoValue | StoreError::Deleted => true,
        StoreError::Aws(error) => error.kind() == contract::Kind::AwsAccessDenied,
        StoreError::Invalid { .. } | StoreError::Binary { .. } => false,
    }
}

/// Whether there is no broker whose users would have to be deleted.
fn is_broker_gone(error: &BrokerLookupError) -> bool {
    match error {
        BrokerLookupError::NotFound(_) => true,
        BrokerLookupError::NotRunning { state, .. } => state != "CREATION_IN_PROGRESS",
        _ => false,
    }
}

fn kept(user: &str, why: &str) {
    tracing::warn!(broker.user = user, "nothing is deleted for user `{user}`: {why}");
}

struct Removing<'a> {
    access: &'a BrokerAccess<'a>,
    description: &'a Description,
    current: &'a Version,
    pair: &'a Pair,
    id: Id,
}

impl Removing<'_> {
    /// Reads both users and deletes those of the secret. Returns whether there was one.
    async fn once(&self) -> Result<bool, RotationError> {
        let admin = self.access.as_admin(&self.current.value);
        let mark = Mark::of(&self.description.arn);
        let pin = self.description.tags.get(Tags::USER).filter(|pin| *pin != self.pair.base());
        let mut has_deleted = false;
        for user in self.pair.users() {
            let grants = admin.grants(user).await;
            let grants = grants.map_err(RotationError::broker("read the tags of", user))?;
            let tags = grants.as_ref().map(|grants| &grants.tags);
            let removal = removal(user, tags, &mark, self.access.admin_user(), pin);
            let is_in_use = removal == Removal::Remove && self.is_in_use(user).await?;
            match removal {
                Removal::Gone => {}
                Removal::Keep(why) => kept(user, why),
                Removal::Remove if is_in_use => kept(user, "it has open connections"),
                Removal::Remove => {
                    admin.delete_user(user).await.map_err(RotationError::broker("delete", user))?;
                    tracing::info!(broker.user = user, "user `{user}` is deleted");
                    has_deleted = true;
                }
            }
        }
        Ok(has_deleted)
    }

    /// Whether an application may be connected as the user, which existed before a Create without an answer. The broker may
    /// still list a connection that has just been closed, so a user with connections is looked at again after the pause.
    async fn is_in_use(&self, user: &str) -> Result<bool, RotationError> {
        if self.id == Id::Ours {
            return Ok(false);
        }
        let connections = self.access.as_admin(&self.current.value).connections(user).await;
        Ok(!connections.map_err(RotationError::broker("look for connections of", user))?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use lambda_boundary::AwsError;

    use super::*;

    #[test]
    fn a_broker_that_is_deleted_has_no_users_and_any_other_may_have() {
        let not_running =
            |state: &str| BrokerLookupError::NotRunning { broker: "b-1".to_owned(), state: state.to_owned() };
        for (error, expected) in [
            (BrokerLookupError::NotFound("b-1".to_owned()), true),
            (not_running("DELETION_IN_PROGRESS"), true),
            (not_running("CREATION_FAILED"), true),
            (not_running("CREATION_IN_PROGRESS"), false),
            (BrokerLookupError::NoEndpoint("b-1".to_owned()), false),
        ] {
            assert_eq!(is_broker_gone(&error), expected, "{error}");
        }
    }

    #[test]
    fn a_secret_that_is_gone_or_denied_blocks_no_deletion() {
        let refused = |code: &str| {
            StoreError::Aws(AwsError::Refused {
                service: "Secrets Manager",
                operation: "DescribeSecret",
                code: code.to_owned(),
                message: String::new(),
            })
        };
        for (error, expected) in [
            (StoreError::NotFound, true),
            (StoreError::NoValue, true),
            (StoreError::Deleted, true),
            (refused("AccessDeniedException"), true),
            (refused("ThrottlingException"), false),
            (StoreError::Binary { version: "1".to_owned() }, false),
        ] {
            assert_eq!(is_gone(&error), expected, "{error}");
        }
    }
}
