//! `setSecret` for two users that take turns: read, check, write.

use contract::DeliveryRequest;
use rand::rngs::ThreadRng;

use super::super::{Found, Step, claim, nodes, outlived};
use super::check_vhost;
use crate::broker_access::BrokerAccess;
use crate::error::RotationError;
use crate::grants::{Change, Grants, PROTECTED_TAG, Plan, bound_to_user_name, plan};
use crate::management_api::{ApiError, ManagementApi, User};
use crate::ownership::PairOnBroker;
use crate::secret_store::Version;
use crate::{password, stale_connections, turn};

/// The two users of the pair, and how the broker is asked about them.
struct Turn<'a> {
    step: Step<'a>,
    found: &'a Found,
    pending: &'a Version,
    access: &'a BrokerAccess<'a>,
    admin: ManagementApi<'a>,
    /// AWSCURRENT's user.
    active: &'a str,
    /// The user whose turn it is.
    inactive: &'a str,
}

/// What the broker answered before the first write.
struct OnBroker {
    active: Grants,
    /// None if the user does not exist yet.
    inactive: Option<Grants>,
    current_logs_in: bool,
    pending_logs_in: bool,
}

/// The other user of the pair gets the pending password and the grants of the active user. Answers whether a password
/// was written.
pub(super) async fn alternate(
    step: Step<'_>,
    found: &Found,
    pending: &Version,
    access: &BrokerAccess<'_>,
) -> Result<bool, RotationError> {
    let current = &found.current.value;
    let (active, inactive) = (current.username(), pending.value.username());
    let turn = Turn { step, found, pending, access, admin: access.as_admin(current), active, inactive };
    let on_broker = turn.read().await?;
    let read_at = (step.rotation.now)();
    let plan = turn.check(&on_broker).await?;
    let wrote_password = turn.write(&on_broker, &plan).await?;
    step.rotation.just_seen.active_grants(step.attempt(found), on_broker.active, read_at);
    Ok(wrote_password)
}

impl Turn<'_> {
    async fn read(&self) -> Result<OnBroker, RotationError> {
        let Self { active, inactive, admin, .. } = *self;
        let current = self.access.as_user(&self.found.current.value);
        let active_grants =
            nodes::agree(async || admin.grants(active).await, |found| matches!(found, Ok(None))).await;
        let active_grants = active_grants
            .map_err(RotationError::broker("read the grants of", active))?
            .ok_or_else(|| RotationError::CurrentUserMissing { user: active.to_owned() })?;
        let found = admin.user(inactive).await;
        let inactive = found.map_err(RotationError::broker("read the grants of", inactive))?;
        let current_login =
            nodes::agree(async || current.login_is_accepted().await, |login| matches!(login, Ok(false)))
                .await;
        Ok(OnBroker {
            current_logs_in: current_login.map_err(RotationError::broker("check the login of", active))?,
            pending_logs_in: match &inactive {
                Some(user) => self.pending_logs_in(user).await?,
                None => false,
            },
            active: active_grants,
            inactive: inactive.map(|user| user.grants),
        })
    }

    /// Whether the user whose turn it is has the pending password. The hash that the broker stores tells. A login would
    /// leave a refused one in the broker's log in every rotation.
    async fn pending_logs_in(&self, user: &User) -> Result<bool, RotationError> {
        let pending = &self.pending.value;
        if let Some(is_pending) = user.password.is(pending.password()) {
            return Ok(is_pending);
        }
        let login = self.access.as_user(pending).login_is_accepted().await;
        login.map_err(RotationError::broker("check the login of", self.inactive))
    }

    /// Makes every check that can refuse, and the plan. It writes nothing to the user.
    async fn check(&self, on_broker: &OnBroker) -> Result<Plan, RotationError> {
        let Self { step, found, access, admin, active, inactive, .. } = *self;
        let current = &found.current.value;
        if !on_broker.current_logs_in {
            return Err(RotationError::CurrentLoginRefused {
                user: active.to_owned(),
                blemish: current.password().blemish(),
            });
        }
        let pair = PairOnBroker {
            active,
            active_tags: &on_broker.active.tags,
            next: inactive,
            next_tags: on_broker.inactive.as_ref().map(|grants| &grants.tags),
        };
        claim::refuse_what_is_not_ours(step, found, access, pair, on_broker.pending_logs_in).await?;
        check_vhost(admin, active, &on_broker.active, current.vhost()).await?;
        if on_broker.is_to_be_reset() {
            refuse_while_undelivered(step, found, inactive).await?;
            let policy = step.rotation.config.stale_connections;
            let connected = stale_connections::before_reset(admin, inactive, policy).await?;
            outlived::note(step, found, inactive, &connected).await;
        }
        for (vhost, exchange) in bound_to_user_name(&on_broker.active) {
            tracing::warn!(
                broker.user = active,
                "the topic permission of `{active}` on exchange `{exchange}` in vhost `{vhost}` contains {{username}}, \
                 which means another name for `{inactive}`"
            );
        }
        let plan = match &on_broker.inactive {
            Some(inactive) => plan(&on_broker.active, inactive),
            None => plan(&on_broker.active, &Grants::default()),
        };
        match plan.changes.iter().find_map(|change| Some((change, admin.unnameable(change)?))) {
            Some((change, error)) => Err(RotationError::broker(&format!("{change} for"), inactive)(error)),
            None => Ok(plan),
        }
    }

    async fn write(&self, on_broker: &OnBroker, plan: &Plan) -> Result<bool, RotationError> {
        let Self { step, found, admin, inactive, .. } = *self;
        claim::pin(step, found).await;
        let (first, last) = turn::around_the_password(plan, on_broker.is_to_be_reset());
        for change in first {
            self.apply(change, false).await?;
        }
        let wrote_password = self.set_password(on_broker, plan).await?;
        if on_broker.inactive.is_some() {
            stale_connections::after_reset(admin, inactive, step.rotation.config.stale_connections).await?;
        }
        for change in last {
            self.apply(change, wrote_password).await?;
        }
        tracing::info!(
            broker.user = inactive,
            "user `{inactive}`: password {}, {} changes of grants",
            if on_broker.pending_logs_in { "was set already" } else { "set" },
            plan.descriptions().count(),
        );
        Ok(wrote_password)
    }

    /// Writes the pending password, the tags and the mark in one request, unless all three are there already. Answers
    /// whether it was written.
    async fn set_password(&self, on_broker: &OnBroker, plan: &Plan) -> Result<bool, RotationError> {
        let Self { found, admin, active, inactive, .. } = *self;
        let nothing = Grants::default();
        // Without a change of tags, both users have the same tags, except for `protected`.
        let kept = &on_broker.inactive.as_ref().unwrap_or(&nothing).tags;
        if !turn::writes_password(on_broker.pending_logs_in, plan, &found.mark, kept) {
            return Ok(false);
        }
        let hash = password::hash(self.pending.value.password(), &mut ThreadRng::default());
        let what = if kept.contains(PROTECTED_TAG) {
            "set the password of the protected"
        } else {
            "set the password of"
        };
        admin
            .put_user(inactive, plan.tags.as_ref().unwrap_or(kept), &found.mark, &hash)
            .await
            .map_err(RotationError::broker(what, inactive))?;
        if let Some(tags) = plan.tags_description() {
            tracing::info!(broker.user = inactive, "as `{active}` has it, for `{inactive}`: {tags}");
        }
        Ok(true)
    }

    /// A load balancer may lead to a node that does not know yet a user that `was_just_written`.
    async fn apply(&self, change: &Change, was_just_written: bool) -> Result<(), RotationError> {
        let Self { admin, active, inactive, .. } = *self;
        let may_lag = |applied: &Result<(), ApiError>| {
            was_just_written && applied.as_ref().is_err_and(ApiError::may_be_a_lagging_node)
        };
        let applied = nodes::agree(async || admin.apply(inactive, change).await, may_lag).await;
        applied.map_err(RotationError::broker(&format!("{change} for"), inactive))?;
        if change.is_removal() {
            tracing::warn!(
                broker.user = inactive,
                "`{active}` does not have it, so for `{inactive}`: {change}"
            );
        } else {
            tracing::info!(broker.user = inactive, "as `{active}` has it, for `{inactive}`: {change}");
        }
        Ok(())
    }
}

impl OnBroker {
    /// Whether the user exists with another password than the pending one.
    fn is_to_be_reset(&self) -> bool {
        turn::is_to_be_reset(self.inactive.is_some(), self.pending_logs_in)
    }
}

/// While the cluster is not known to hold the current version, production may still log in as the user
/// that is about to be reset. The refusal asks for delivery once more, so that a retry can succeed. The step has just
/// logged in with the current version.
async fn refuse_while_undelivered(step: Step<'_>, found: &Found, user: &str) -> Result<(), RotationError> {
    if !turn::is_undelivered(&found.description.tags, &found.current.id) {
        return Ok(());
    }
    let request = DeliveryRequest {
        secret_arn: found.description.arn.clone(),
        version_id: found.current.id.clone(),
        attempt: 1,
        tested: true,
        promoted_at: None,
    };
    if let Err(error) = step.rotation.delivery.request(&request).await {
        tracing::warn!(error = %error, "secret2eks could not be asked to deliver the current version");
    }
    Err(RotationError::Undelivered { user: user.to_owned(), current: found.current.id.clone() })
}
