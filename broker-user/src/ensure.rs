//! Creates a user from its secret, or brings the grants of both users of its pair in line.

use std::collections::BTreeSet;
use std::time::Duration;

use contract::Strategy;
use rotation_mq::amqp_login::LoginError;
use rotation_mq::error::{Credentials, RotationError};
use rotation_mq::steps::nodes;
use rotation_mq::subject::Subject;

use crate::BrokerUsers;
use crate::decide::{Login, OnBroker, Purpose, Refusal, UserPlan, decide};
use crate::error::BrokerUserError;
use crate::found::{Found, find};
use crate::properties::Wanted;
use crate::undo::Undo;
use crate::wait::{Wait, must_wait};

mod read;
mod write;

use read::{Held, read_active, read_other};
use write::{Writer, Written};

/// How often a request writes. After each time, it reads again what the secret and the broker hold.
const ROUNDS: u32 = 4;
/// A node of a cluster may not know yet what another node has written.
const PAUSE: Duration = Duration::from_secs(1);

/// The users of a pair, as a request has left them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ensured {
    /// Their names, also while one of them does not exist yet.
    pub usernames: Vec<String>,
    /// Whether one of them existed before the request.
    pub existed: bool,
}

/// Creates the user with the password of AWSCURRENT, or changes the grants of both users.
///
/// Safe to repeat, also at the same time as another request or a rotation: every round reads what is there and plans only
/// what is missing, and the request is done when nothing is left to do and AWSCURRENT logs in over AMQPS. An update that has
/// nothing to write is done at once, whatever a rotation is doing. All checks come before the first write.
///
/// # Errors
/// Says what the secret, the broker or the ceiling does not allow.
pub async fn ensure<'a>(
    users: &'a BrokerUsers,
    wanted: &Wanted,
    purpose: Purpose,
    subject: &Subject,
    undo: &Undo<'a>,
) -> Result<Ensured, BrokerUserError> {
    let identity = &wanted.identity;
    let beyond = |source| BrokerUserError::Beyond { user: identity.username.clone(), source };
    users.config.ceiling.check_secret(&identity.secret).map_err(beyond)?;
    users.config.ceiling.check(&wanted.grants).map_err(beyond)?;
    let mut wait = Wait::default();
    let mut settled = BTreeSet::new();
    let mut has_written_a_stored_password = false;
    let (mut rounds, mut has_paused) = (0, false);
    let mut existed_at_first = None;
    loop {
        let found = find(users, wanted, subject).await?;
        let _ = subject.user.set(found.active().to_owned());
        let active = read_active(&found, &settled).await?;
        let other = read_other(users, &found, &settled).await?;
        let existed = *existed_at_first.get_or_insert(active.is_some() || other.is_some());
        let decision = decision(wanted, purpose, &found, active.as_ref(), other.as_ref());
        // A rotation that started after its user was read may have lost its password to this request. At its end, its user is
        // the active one, and the next round restores the password.
        let must_wait = has_written_a_stored_password || must_wait(&decision);
        if let Some(version) = found.rotation_under_way().filter(|_| must_wait) {
            tracing::info!("a rotation is under way: version {version} is AWSPENDING");
            wait.pause(&identity.secret, version).await?;
            continue;
        }
        let plans = decision.map_err(|source| BrokerUserError::refused(identity, source))?;
        if plans.iter().all(UserPlan::is_nothing) {
            if purpose == Purpose::Create || rounds > 0 {
                prove_login(users, wanted, &found).await?;
            }
            return Ok(Ensured { usernames: usernames(&found), existed });
        }
        if rounds == ROUNDS {
            return Err(BrokerUserError::KeepsChanging { secret: identity.secret.clone() });
        }
        if rounds > 0 && !has_paused {
            tokio::time::sleep(PAUSE).await;
            has_paused = true;
            continue;
        }
        has_paused = false;
        rounds += 1;
        let writer = Writer { found: &found, grants: &wanted.grants, purpose, undo };
        writer.check(&plans).await?;
        for (plan, held) in plans.iter().zip([active.as_ref(), other.as_ref()]) {
            has_written_a_stored_password |= plan.login == Login::SetTags;
            match writer.write(plan, held).await? {
                Written::Login => {
                    settled.insert(plan.user.clone());
                }
                Written::Nothing => {}
                Written::Raced => break,
            }
        }
    }
}

fn decision(
    wanted: &Wanted,
    purpose: Purpose,
    found: &Found<'_>,
    active: Option<&Held>,
    other: Option<&Held>,
) -> Result<Vec<UserPlan>, Refusal> {
    let on_broker = OnBroker {
        active: found.active(),
        active_account: active.map(|held| &held.account),
        other: found.other(),
        other_account: other.map(|held| &held.account),
    };
    decide(&wanted.grants, &found.mark, purpose, found.current.value.strategy(), on_broker)
}

/// Logs in as an application does. A user without permissions cannot open a vhost. For such a user, the management API has
/// confirmed the password already.
async fn prove_login(users: &BrokerUsers, wanted: &Wanted, found: &Found<'_>) -> Result<(), RotationError> {
    let value = &found.current.value;
    let user = value.username();
    if wanted.grants.permissions.is_empty() {
        return Ok(());
    }
    let verify = || users.amqp.verify(&found.access.endpoints, value.vhost(), user, value.password());
    let login = nodes::agree(async || verify().await, LoginError::may_be_a_lagging_node).await;
    LoginError::in_use(login).map_err(RotationError::login(user, Credentials::Current))
}

fn usernames(found: &Found<'_>) -> Vec<String> {
    match found.current.value.strategy() {
        Strategy::Single => vec![found.active().to_owned()],
        Strategy::Alternating => found.pair.users().map(str::to_owned).to_vec(),
    }
}
