//! What happens to a schedule from outside: restarts during an attempt, and people after it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::part::{Action, Outage};
use crate::fault_matrix::stand::{Account, RECEIPT, Stand};

const OPERATOR_IS_AWAY: Duration = Duration::from_secs(1);
const DELIVERY: Duration = Duration::from_secs(90);
const ANSWERS: usize = 20;
const LOOK: Duration = Duration::from_millis(250);

/// Restarts a part, `after_ms` from now. Ends when it is back.
///
/// # Errors
/// When it does not come back.
pub async fn outage(stand: &Stand<'_>, after_ms: u16, outage: Outage) -> Result<()> {
    tokio::time::sleep(Duration::from_millis(after_ms.into())).await;
    match outage {
        Outage::Broker => {
            stand.cloud.broker.restart_in_use().await.context("the broker does not start again")?;
            answers_again(stand).await
        }
        Outage::Operator => {
            let kubernetes = stand.cloud.kubernetes()?;
            kubernetes.stop_operator().await;
            tokio::time::sleep(OPERATOR_IS_AWAY).await;
            kubernetes.start_operator().await.context("the operator does not start again")
        }
        Outage::Table(ms) => stand.handler_is_cut_off_for(Duration::from_millis(ms.into())).await,
        Outage::Endpoint(ms) => stand.endpoint_is_away_for(Duration::from_millis(ms.into())).await,
    }
}

/// The connections that the proof itself has kept to the broker ended with it.
async fn answers_again(stand: &Stand<'_>) -> Result<()> {
    for _ in 0..ANSWERS {
        if stand.parts_answer().await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    stand.parts_answer().await.context("after the restart of the broker")
}

/// What a person does after an attempt. Returns whether the next attempt must be a new rotation. What would be refused in
/// the present state is not done. `converged` says whether the last rotation is over and delivered.
///
/// # Errors
/// When it is refused although the state allows it.
pub async fn action(stand: &Stand<'_>, account: &Account, action: Action, converged: bool) -> Result<bool> {
    let secret = account.secret.as_str();
    let current = stand.cloud.version(secret, "AWSCURRENT").await?.context("nothing is current")?;
    match action {
        Action::RemovesPending => stand.remove_pending(account).await.map(|()| true),
        Action::Delivers => {
            request_delivery(stand, account, &current).await?;
            Ok(false)
        }
        Action::Rotates => {
            let rotation = stand.rotate_by_the_playbook(account).await?;
            stand.settle(account, &rotation).await?;
            Ok(true)
        }
        Action::RollsBack if converged => roll_back(stand, account, &current).await,
        Action::Revokes if converged => revoke(stand, account, &current).await,
        Action::RollsBack | Action::Revokes => Ok(false),
    }
}

async fn request_delivery(stand: &Stand<'_>, account: &Account, version: &str) -> Result<()> {
    let request = json!({"secretArn": account.secret, "versionId": version, "attempt": 1});
    stand.cloud.send_event(&stand.delivery, &request).await?;
    stand.cloud.aws.wait_for_events(&stand.delivery, DELIVERY).await
}

async fn roll_back(stand: &Stand<'_>, account: &Account, current: &str) -> Result<bool> {
    let secret = account.secret.as_str();
    let previous = stand.cloud.version(secret, "AWSPREVIOUS").await?;
    let Some(previous) = previous.filter(|previous| previous != current) else { return Ok(false) };
    let value = stand.cloud.value(secret, "AWSPREVIOUS").await?;
    // The playbook asks for this check. A revoked version must not become current.
    if !stand.cloud.logs_in(&value).await? {
        return Ok(false);
    }
    let stage = stand.cloud.secrets.update_secret_version_stage().secret_id(secret);
    let stage =
        stage.version_stage("AWSCURRENT").move_to_version_id(&previous).remove_from_version_id(current);
    stage.send().await.context("AWSCURRENT does not move back")?;
    request_delivery(stand, account, &previous).await?;
    stand.cloud.wait_for_tag(secret, RECEIPT, &previous, DELIVERY).await.context("after the roll-back")?;
    Ok(true)
}

async fn revoke(stand: &Stand<'_>, account: &Account, current: &str) -> Result<bool> {
    let secret = account.secret.as_str();
    let delivered = stand.cloud.tag_of(secret, RECEIPT).await?;
    let previous = stand.cloud.version(secret, "AWSPREVIOUS").await?;
    let Some(previous) =
        previous.filter(|previous| previous != current && delivered.as_deref() == Some(current))
    else {
        return Ok(false);
    };
    let leaked = stand.cloud.value(secret, "AWSPREVIOUS").await?;
    let event = json!({"Action": "revokePrevious", "SecretId": secret, "VersionId": previous, "By": "the proof",
        "Reason": "a random schedule"});
    stand.cloud.invoke_function(&stand.incident, &event).await?.value().context("revokePrevious")?;
    ensure!(!stand.cloud.logs_in(&leaked).await?, "the revoked version logs in");
    Ok(true)
}
