//! `finishSecret`: the pending version becomes AWSCURRENT, and secret2eks is asked to deliver it.

use contract::{DeliveryRequest, SecretValue, Strategy};

use super::{Step, nodes, pending_login, test_secret};
use crate::amazon_mq::Endpoints;
use crate::amqp_login::LoginError;
use crate::broker_access::BrokerAccess;
use crate::error::{Credentials, RotationError};

/// How finishSecret ended when it did.
#[derive(Debug)]
pub enum Finished {
    /// Promoted, and delivery requested where it is wished.
    Completely,
    /// Promoted, but secret2eks could not be asked. That does not undo a rotation: it is told as a notice.
    WithoutDelivery(RotationError),
}

/// Promotes the pending version, logs in with what is current then, and asks for delivery.
///
/// Safe to repeat: a version that is current already is verified and delivery is asked for again, because
/// the call before may have ended between the two. AWSPENDING is left alone: Secrets Manager takes it off.
///
/// # Errors
/// What the broker or Secrets Manager refuses. A version whose login does not work, or whose user may do less or more
/// than the current one, is not promoted.
pub async fn finish_secret(step: Step<'_>) -> Result<Finished, RotationError> {
    let found = step.find().await?;
    let value = &found.current.value;
    let (endpoints, promoted_at) = if found.already_current {
        // Nothing is left to ask the administrator, whose secret may be out of reach by now.
        (step.rotation.amazon_mq.endpoints(value.broker()).await?, None)
    } else {
        let access = BrokerAccess::open(step.rotation, &found.description.arn, value).await?;
        let pending = step.fitting_pending(&found)?;
        pending_login::log_in(step, &found, pending, &access.endpoints).await?;
        // Secrets Manager calls testSecret before. Whoever calls this step by hand may not have.
        if found.strategy() == Strategy::Alternating {
            test_secret::equal_grants(&found, pending.value.username(), &access).await?;
        }
        promote(step, &found.current.id).await?;
        (access.endpoints, Some((step.rotation.now)().to_string()))
    };
    let current = if promoted_at.is_some() {
        let again = step.rotation.secrets.current(&step.event.secret_id).await;
        again.map_err(|source| step.failed_to("read the current value of", source))?
    } else {
        found.current
    };
    let user = current.value.username().to_owned();
    log_in(step, &endpoints, &current.value).await?;
    tracing::info!(broker.user = user, "version {} is AWSCURRENT and user `{user}` logs in", current.id);
    let request = DeliveryRequest {
        secret_arn: found.description.arn.clone(),
        version_id: current.id,
        attempt: 1,
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

/// Moves AWSCURRENT. When the answer got lost and a repetition inside the SDK was refused, the stage is
/// where it should be all the same: so the verdict is read from Secrets Manager.
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
