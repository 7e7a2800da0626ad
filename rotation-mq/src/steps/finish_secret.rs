//! `finishSecret`: the pending version becomes AWSCURRENT, and secret2eks is asked to deliver it.

use contract::{DeliveryRequest, SecretValue, Strategy};

use super::{Found, Step, nodes, pending_login, test_secret};
use crate::amazon_mq::Endpoints;
use crate::amqp_login::LoginError;
use crate::broker_access::BrokerAccess;
use crate::error::{Credentials, RotationError};
use crate::secret_store::Version;

/// How a finishSecret ended that did not fail.
#[derive(Debug)]
pub enum Finished {
    /// The version was promoted, and the delivery was requested if there is a secret2eks.
    Completely,
    /// The version was promoted, but secret2eks could not be asked. This does not undo a rotation: a notice reports it.
    WithoutDelivery(RotationError),
}

/// Logs in with the pending version, promotes it, and requests the delivery.
///
/// Safe to repeat: if the version is current already, the login is tried and the delivery is requested again. The call
/// before may have ended between the two. The step does not remove AWSPENDING. Secrets Manager does.
///
/// # Errors
/// What the broker or Secrets Manager refuses. A version is not promoted if its login does not work, or if its user has
/// fewer or more permissions than the current one.
pub async fn finish_secret(step: Step<'_>) -> Result<Finished, RotationError> {
    let found = step.find().await?;
    let (current, promoted_at) = if found.already_current {
        // The administrator is not needed any more. Its secret may be unreadable by now.
        let value = &found.current.value;
        log_in(step, &step.rotation.amazon_mq.endpoints(value.broker()).await?, value).await?;
        (&found.current, None)
    } else {
        let pending = step.fitting_pending(&found)?;
        prove(step, &found, pending).await?;
        promote(step, &found.current.id).await?;
        // A version never changes its value: what is current now has just logged in.
        (pending, Some((step.rotation.now)().to_string()))
    };
    let user = current.value.username();
    tracing::info!(broker.user = user, "version {} is AWSCURRENT and user `{user}` logs in", current.id);
    let request = DeliveryRequest {
        secret_arn: found.description.arn.clone(),
        version_id: current.id.clone(),
        attempt: 1,
        tested: true,
        promoted_at,
    };
    match step.rotation.delivery.request(&request).await {
        Ok(asked) => {
            tracing::info!(
                asked,
                "{}",
                if asked { "asked secret2eks to deliver" } else { "no secret2eks is configured" }
            );
            Ok(Finished::Completely)
        }
        Err(source) => Ok(Finished::WithoutDelivery(RotationError::DeliveryRequest {
            secret: request.secret_arn,
            source,
        })),
    }
}

/// Proves that the pending version may become current: its login, and the grants of its user. If testSecret has compared the
/// grants a moment ago, they are not compared again. A person who calls this step may not have called testSecret.
async fn prove(step: Step<'_>, found: &Found, pending: &Version) -> Result<(), RotationError> {
    let current = &found.current.value;
    let attempt = step.attempt(found);
    if step.rotation.just_seen.were_equal(&attempt, (step.rotation.now)()) {
        let endpoints = step.rotation.amazon_mq.endpoints(current.broker()).await?;
        return pending_login::log_in(step, found, pending, &endpoints).await;
    }
    let access = BrokerAccess::open(step.rotation.lookup(), &found.description.arn, current).await?;
    pending_login::log_in(step, found, pending, &access.endpoints).await?;
    if found.strategy() == Strategy::Alternating {
        test_secret::equal_grants(step, found, pending.value.username(), &access).await?;
    }
    Ok(())
}

/// Moves AWSCURRENT. If the answer was lost and a retry inside the SDK was refused, the staging label may be in its place
/// nevertheless. So the result is read from Secrets Manager.
async fn promote(step: Step<'_>, from: &str) -> Result<(), RotationError> {
    let secret = &step.event.secret_id;
    let Err(refused) = step.rotation.secrets.promote(secret, from, &step.event.token).await else {
        return Ok(());
    };
    match step.rotation.secrets.describe(secret).await {
        Ok(now) if now.versions.with_stage(crate::version_state::AWSCURRENT) == Some(&step.event.token) => {
            Ok(())
        }
        _ => Err(step.failed_to("promote the pending version of", refused)),
    }
}

async fn log_in(step: Step<'_>, endpoints: &Endpoints, value: &SecretValue) -> Result<(), RotationError> {
    let user = value.username();
    let verify = async || step.rotation.amqp.verify(endpoints, value.vhost(), user, value.password()).await;
    let login = nodes::agree(verify, LoginError::may_be_a_lagging_node).await;
    LoginError::in_use(login).map_err(RotationError::login(user, Credentials::Current))
}
