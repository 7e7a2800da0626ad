//! `finishSecret`: the pending version becomes AWSCURRENT, and secret2eks is asked to deliver it.

use contract::{DeliveryRequest, SecretValue, Strategy};

use super::{Step, nodes, pending_login, test_secret};
use crate::amazon_mq::Endpoints;
use crate::amqp_login::LoginError;
use crate::broker_access::BrokerAccess;
use crate::error::{Credentials, RotationError};

/// How a finishSecret ended that did not fail.
#[derive(Debug)]
pub enum Finished {
    /// The version was promoted, and the delivery was requested if there is a secret2eks.
    Completely,
    /// The version was promoted, but secret2eks could not be asked. This does not undo a rotation: a notice reports it.
    WithoutDelivery(RotationError),
}

/// Promotes the pending version, logs in with the version that is current then, and requests the delivery.
///
/// Safe to repeat: if the version is current already, the login is tried and the delivery is requested again. The call
/// before may have ended between the two. The step does not remove AWSPENDING. Secrets Manager does.
///
/// # Errors
/// What the broker or Secrets Manager refuses. A version is not promoted if its login does not work, or if its user has
/// fewer or more permissions than the current one.
pub async fn finish_secret(step: Step<'_>) -> Result<Finished, RotationError> {
    let found = step.find().await?;
    let value = &found.current.value;
    let (endpoints, promoted_at) = if found.already_current {
        // The administrator is not needed any more. Its secret may be unreadable by now.
        (step.rotation.amazon_mq.endpoints(value.broker()).await?, None)
    } else {
        let access = BrokerAccess::open(step.rotation, &found.description.arn, value).await?;
        let pending = step.fitting_pending(&found)?;
        pending_login::log_in(step, &found, pending, &access.endpoints).await?;
        // Secrets Manager calls testSecret before this step. A person who calls this step may not have called it.
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
