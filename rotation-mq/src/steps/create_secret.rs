//! `createSecret`: a new password for the user whose turn it is, stored as AWSPENDING.

use rand::rngs::ThreadRng;

use super::Step;
use crate::error::RotationError;
use crate::password;

/// Stores a new value, unless the version has one.
///
/// Safe to repeat: an existing pending value is kept, because it may be the only copy of a password that the broker has
/// already. If two calls run at the same time, Secrets Manager keeps the first value, and the second call finds it.
///
/// # Errors
/// `secret.invalid` if a key repeats the credentials and cannot be renewed with certainty. `pending.stale` if the
/// existing value can never be used. Also what [`Step::find`] refuses.
pub async fn create_secret(step: Step<'_>) -> Result<(), RotationError> {
    let found = step.find().await?;
    if found.already_current {
        tracing::info!("the version is current already: nothing to create");
        return Ok(());
    }
    if found.pending.is_some() {
        step.fitting_pending(&found)?;
        tracing::info!("the version has a pending value already, which is kept");
        return Ok(());
    }
    let new_password = password::generate(step.rotation.config.password_length, &mut ThreadRng::default());
    let next = step.renewed(&found, new_password)?;
    let secret = &step.event.secret_id;
    let json =
        next.to_json().map_err(|source| RotationError::UnwritableValue { secret: secret.clone(), source })?;
    let stored = step
        .rotation
        .secrets
        .put_pending(secret, &step.event.token, step.event.rotation_token.as_ref(), &json)
        .await
        .map_err(|source| step.failed_to("store the pending value of", source))?;
    if stored {
        tracing::info!(broker.user = found.next_user, "stored a new value for user `{}`", found.next_user);
        return Ok(());
    }
    let found = step.find().await?;
    if !found.already_current {
        step.fitting_pending(&found)?;
    }
    tracing::info!("another call stored a value for the version at the same time, which is kept");
    Ok(())
}
