//! Starts or joins a rotation, and follows it. Its steps are seen from outside: by the staging labels, and by the login of
//! the new version.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use contract::{Area, Login, LoginCheck};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{Journal, failed, failure};
use crate::arguments::ROTATION_LIMIT;
use crate::context::Context;
use crate::inspector;
use crate::outcome::{Problem, Result};
use crate::screen::text::{foreign, short_version};
use crate::screen::time;
use crate::secret::Secret;

const POLL: Duration = Duration::from_secs(1);
/// The incidents and the login are asked for every so many polls.
const SELDOM: u32 = 3;
/// A version that is AWSPENDING for longer belongs to a rotation that is stuck.
const STUCK: SignedDuration = SignedDuration::from_hours(1);
const STUCK_PAGE: &str = "secops explain stuck-or-stale-pending-version";

/// A rotation that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The secret.
    pub arn: String,
    /// The version that was AWSCURRENT before it.
    pub before: String,
    /// Failures from before this moment belong to others.
    pub since: Timestamp,
    /// Whether somebody else had started it.
    pub joined: bool,
}

/// Starts a rotation, or joins one that runs. An error if one is stuck.
pub async fn begin(context: &Context, secret: &Secret, journal: &Journal<'_>) -> Result<Started> {
    if secret.pending().is_some() {
        return join(context, secret, journal).await;
    }
    if secret.rotation_function.is_none() {
        let page = "secops explain secret-due";
        return Err(Problem::failed(format!("no function rotates this secret, so people do: {page}")));
    }
    let before = current(secret)?;
    let since = (context.now)();
    match context.secrets.rotate(&secret.arn).await {
        Ok(_) => {}
        // Somebody else was faster.
        Err(error) if error.is("InvalidRequestException") => {
            let again = context.secrets.describe(&secret.arn).await?;
            return if again.pending().is_some() {
                join(context, &again, journal).await
            } else {
                Err(error.into())
            };
        }
        Err(error) => return Err(error.into()),
    }
    journal.note("RotateSecret", format!("started; version {} is AWSCURRENT", short_version(&before)));
    Ok(Started { arn: secret.arn.clone(), before, since, joined: false })
}

/// Joins the rotation of the version that is AWSPENDING.
pub async fn join(context: &Context, secret: &Secret, journal: &Journal<'_>) -> Result<Started> {
    let pending = secret.pending().unwrap_or_default();
    let versions = context.secrets.versions(&secret.arn).await?;
    let made = versions.iter().find(|version| version.id == pending).and_then(|version| version.created_at);
    let now = (context.now)();
    let age = made.map_or(SignedDuration::ZERO, |made| now.duration_since(made));
    let version = short_version(pending);
    if age > STUCK {
        let words = format!("version {version} is AWSPENDING for {}: a rotation is stuck", time::rough(age));
        return Err(Problem::failed(format!("{words}; what to do: {STUCK_PAGE}")));
    }
    journal
        .note("joined", format!("a rotation runs: version {version} is AWSPENDING for {}", time::rough(age)));
    Ok(Started {
        arn: secret.arn.clone(),
        before: current(secret)?,
        since: made.unwrap_or(now),
        joined: true,
    })
}

fn current(secret: &Secret) -> Result<String> {
    let current = secret.current().map(str::to_owned);
    current.ok_or_else(|| Problem::failed("no version is AWSCURRENT; see `secops explain secret.not_found`"))
}

/// How far a rotation is, as the labels say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// No version is AWSPENDING yet.
    Starting,
    /// This version is AWSPENDING.
    Pending(String),
    /// This version is AWSCURRENT now.
    Over(String),
    /// The version is no longer AWSPENDING, and it did not become AWSCURRENT.
    Abandoned,
}

fn phase(secret: &Secret, before: &str, was_pending: bool) -> Phase {
    match (secret.current(), secret.pending()) {
        (Some(current), _) if current != before => Phase::Over(current.to_owned()),
        (_, Some(pending)) => Phase::Pending(pending.to_owned()),
        (_, None) if was_pending => Phase::Abandoned,
        (_, None) => Phase::Starting,
    }
}

type Check<'a> = Pin<Box<dyn Future<Output = Result<LoginCheck>> + 'a>>;

/// Follows a rotation to its end. Returns the version that is AWSCURRENT then.
pub async fn rotation(context: &Context, started: &Started, journal: &Journal<'_>) -> Result<String> {
    let began = Instant::now();
    let (mut was_pending, mut logs_in, mut told) = (false, !inspector::is_available(context), None);
    let mut check: Option<Check<'_>> = None;
    for poll in 0.. {
        let secret = context.secrets.describe(&started.arn).await?;
        match phase(&secret, &started.before, was_pending) {
            Phase::Over(version) => {
                journal.note("finishSecret", format!("version {} is AWSCURRENT", short_version(&version)));
                return Ok(version);
            }
            Phase::Abandoned => {
                let words = "AWSPENDING was removed from the version while it rotated";
                return Err(Problem::failed(format!("{words}; what to do: {STUCK_PAGE}")));
            }
            Phase::Pending(version) => {
                if !was_pending {
                    journal
                        .note("createSecret", format!("version {} is AWSPENDING", short_version(&version)));
                }
                was_pending = true;
                if check.is_none() && !logs_in && poll % SELDOM == 1 {
                    let arn = started.arn.clone();
                    let asked = async move { inspector::check_login(context, &arn, &version).await };
                    check = Some(Box::pin(asked));
                }
            }
            Phase::Starting => {}
        }
        if poll % SELDOM == 2
            && let Some(incident) = failure(context, &started.arn, Area::Rotation, started.since).await?
            && told.as_ref() != Some(&incident.kind)
        {
            if !incident.is_transient() {
                return Err(failed("the rotation failed", &incident));
            }
            let words = "failed, and is tried again";
            journal.note("failed", format!("{}: {words}: {}", incident.kind, foreign(&incident.message)));
            told = Some(incident.kind);
        }
        if began.elapsed() > ROTATION_LIMIT {
            let minutes = ROTATION_LIMIT.as_secs() / 60;
            let page = told.as_deref().map_or_else(|| STUCK_PAGE.to_owned(), crate::playbooks::hint);
            return Err(Problem::failed(format!(
                "the rotation has not ended after {minutes} min; see {page}"
            )));
        }
        context.progress.show("the rotation runs", began.elapsed());
        let checked = async {
            match check.as_mut() {
                Some(check) => check.await,
                None => pending().await,
            }
        };
        tokio::select! {
            checked = checked => {
                check = None;
                // What cannot be asked now is not important: the labels decide.
                if let Ok(LoginCheck { login: Login::Accepted, user, .. }) = checked {
                    let user = foreign(user.as_deref().unwrap_or("?"));
                    journal.note("setSecret", format!("user {user} logs in with the new password"));
                    logs_in = true;
                }
            }
            () = tokio::time::sleep(POLL) => {}
        }
    }
    Err(Problem::failed("the rotation has not ended"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::example::{CURRENT, PENDING, PREVIOUS, rotating, secret};

    #[test]
    fn the_labels_say_how_far_a_rotation_is() {
        for (what, secret, before, was_pending, expected) in [
            ("not begun", secret("a"), CURRENT, false, Phase::Starting),
            ("pending", rotating("a"), CURRENT, false, Phase::Pending(PENDING.to_owned())),
            ("over", secret("a"), PREVIOUS, true, Phase::Over(CURRENT.to_owned())),
            ("over, and the next one runs", rotating("a"), PREVIOUS, true, Phase::Over(CURRENT.to_owned())),
            ("taken away", secret("a"), CURRENT, true, Phase::Abandoned),
        ] {
            assert_eq!(phase(&secret, before, was_pending), expected, "{what}");
        }
    }
}
