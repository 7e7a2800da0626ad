//! Checks before the first write to the broker that the users of the pair belong to this secret. Then pins the secret to
//! them.

use std::time::Duration;

use contract::{Kind, SecretValue, Tags};
use lambda_boundary::{Unit, metric};

use super::{Found, Step};
use crate::broker_access::BrokerAccess;
use crate::error::RotationError;
use crate::ownership::{Claim, PairOnBroker, Taken, claim, makes_an_administrator};
use crate::secret_store::{StoreError, Version};
use crate::version_state::AWSPREVIOUS;

/// The number of the newest versions that are read. Half of them are for the other user.
const READ_VERSIONS: usize = 20;
/// The number of versions that are tried.
const TRIED_VERSIONS: usize = 10;
/// A node of a cluster may not know a new password yet, so a refused login is tried again, for 3 s in total.
const ROUNDS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Refuses to write to a user that belongs to another secret, or if nothing proves that it belongs to this one.
///
/// # Errors
/// [`RotationError::PairTaken`], [`RotationError::AdministratorOutsidePrefix`], or when the proof cannot be had.
pub async fn refuse_what_is_not_ours(
    step: Step<'_>,
    found: &Found,
    access: &BrokerAccess<'_>,
    pair: PairOnBroker<'_>,
    pending_logs_in: bool,
) -> Result<(), RotationError> {
    let secret = || found.description.arn.clone();
    let claim =
        claim(&found.mark, pair).map_err(|source| RotationError::PairTaken { secret: secret(), source })?;
    if makes_an_administrator(pair)
        && let Some(prefix) = step.rotation.config.prefixes.other_than_admin(&found.description.arn)
    {
        return Err(RotationError::AdministratorOutsidePrefix {
            secret: secret(),
            active: pair.active.to_owned(),
            user: pair.next.to_owned(),
            prefix: prefix.to_owned(),
        });
    }
    if claim == Claim::Ours || pending_logs_in || a_version_logs_in(step, found, access, pair.next).await? {
        return Ok(());
    }
    let source = Taken::Unproved { user: pair.next.to_owned() };
    Err(RotationError::PairTaken { secret: secret(), source })
}

/// Writes the pair's name into the secret's tag, once. From then on, the value cannot choose the user. If this is not
/// allowed, the rotation continues, and the next one tries again.
pub async fn pin(step: Step<'_>, found: &Found) {
    if found.description.tags.get(Tags::USER).is_some() {
        return;
    }
    let base = found.pair.base();
    match step.rotation.secrets.tag(&found.description.arn, Tags::USER, base).await {
        Ok(()) => tracing::info!("the secret is pinned to user `{base}` by its tag `{}`", Tags::USER),
        Err(error) => {
            let cause = lambda_boundary::causes(&error).join(": ");
            tracing::warn!("the tag `{}` could not be set on the secret: {error}: {cause}", Tags::USER);
            let now = (step.rotation.now)().as_millisecond();
            metric(now, "PinFailed", Unit::Count, 1, &[], &[("secretArn", found.description.arn.as_str())]);
        }
    }
}

/// Whether AWSPREVIOUS, or one of the newest versions, logs in as `user`. Each round tries all of them again. A version
/// that can no longer be read proves nothing, but another version may prove it.
async fn a_version_logs_in(
    step: Step<'_>,
    found: &Found,
    access: &BrokerAccess<'_>,
    user: &str,
) -> Result<bool, RotationError> {
    let mut candidates = Vec::new();
    let mut unreadable = None;
    if let Some(id) = found.description.versions.with_stage(AWSPREVIOUS) {
        candidates.extend(candidate(step, found, access, id, user, &mut unreadable).await?);
    }
    for round in 0..ROUNDS {
        for version in &candidates {
            if logs_in(access, &version.value, user).await? {
                let id = &version.id;
                tracing::info!(
                    broker.user = user,
                    "user `{user}` belongs to this secret: version {id} logs in"
                );
                return Ok(true);
            }
        }
        if round == 0 {
            let known = candidates.first().map(|version| version.id.clone());
            candidates.extend(stored(step, found, access, known.as_deref(), user, &mut unreadable).await?);
        } else if round + 1 < ROUNDS {
            tokio::time::sleep(PAUSE).await;
        }
    }
    // The unreadable version might have been the one that logs in.
    unreadable.map_or(Ok(false), Err)
}

/// The newest versions for `user`, except for the one that is known already.
async fn stored(
    step: Step<'_>,
    found: &Found,
    access: &BrokerAccess<'_>,
    known: Option<&str>,
    user: &str,
    unreadable: &mut Option<RotationError>,
) -> Result<Vec<Version>, RotationError> {
    let secret = &step.event.secret_id;
    let newest = step.rotation.secrets.newest_versions(secret, READ_VERSIONS).await;
    let newest = newest.map_err(|source| step.failed_to("list the versions of", source))?;
    let mut stored = Vec::new();
    for id in newest.iter().filter(|id| known != Some(id.as_str()) && **id != found.current.id) {
        if stored.len() < TRIED_VERSIONS {
            stored.extend(candidate(step, found, access, id, user, unreadable).await?);
        }
    }
    Ok(stored)
}

/// A version for `user`. Its password may go to the broker only if the admin secret, or the version itself, names that
/// broker. Otherwise, anyone who may write a value could have old passwords sent to another host.
async fn candidate(
    step: Step<'_>,
    found: &Found,
    access: &BrokerAccess<'_>,
    id: &str,
    user: &str,
    unreadable: &mut Option<RotationError>,
) -> Result<Option<Version>, RotationError> {
    let version = match step.rotation.secrets.version(&step.event.secret_id, id).await {
        Err(StoreError::Invalid { .. } | StoreError::Binary { .. }) => return Ok(None),
        // Its KMS key may be disabled, or may have been replaced.
        Err(StoreError::Aws(error))
            if error.kind() == Kind::AwsAccessDenied || error.is("DecryptionFailure") =>
        {
            tracing::warn!(
                secret.version = id,
                "version {id} cannot be read, so its login proves nothing: {error}"
            );
            *unreadable = Some(step.failed_to("read an older version of", StoreError::Aws(error)));
            return Ok(None);
        }
        other => other.map_err(|source| step.failed_to("read an older version of", source))?,
    };
    let may_be_sent =
        |value: &SecretValue| !access.is_own_admin() || value.broker() == found.current.value.broker();
    Ok(version.filter(|version| version.value.username() == user && may_be_sent(&version.value)))
}

async fn logs_in(access: &BrokerAccess<'_>, value: &SecretValue, user: &str) -> Result<bool, RotationError> {
    let login = access.as_user(value).login_is_accepted().await;
    login.map_err(RotationError::broker("check the login of", user))
}
