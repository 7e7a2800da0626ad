//! One schedule on one stand: its attempts with their parts, the checks after each of them, and the attempts without a fault
//! until the rotation has converged.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;
use testbed::aws::{Rotation, Token};

use super::Ran;
use super::act;
use super::part::{Outage, Part, What};
use super::schedule::Schedule;
use crate::fault_matrix::attempt::failed_step;
use crate::fault_matrix::call_name::Names;
use crate::fault_matrix::end::End;
use crate::fault_matrix::hypothesis::Hypothesis;
use crate::fault_matrix::stand::{Account, Reached, Stand};

/// The most attempts after the last part. See `cell.rs`. A person who acted in between adds one or two.
const FURTHER_ATTEMPTS: usize = 8;
/// The time that dlq-handler has to run into a fault. No attempt waits for it.
const HANDLER: Duration = Duration::from_millis(2_500);

/// Plays the schedule. What is known of it is in `ran`, also if it is violated.
///
/// # Errors
/// The condition that was not met.
pub async fn play(stand: &mut Stand<'_>, schedule: &Schedule, ran: &mut Ran) -> Result<()> {
    let (account, names) = stand.prepare(schedule.turn).await?;
    let stand = &*stand;
    stand.assume(&account, schedule.hypothesis).await?;
    let old_incidents = stand.closed_incidents(&account).await?;
    let mut play = Play { stand, account, schedule, ran, next: Next::New, began_with: None, late: None };
    for attempt in 0..schedule.attempts {
        play.attempt(attempt).await.with_context(|| format!("attempt {}", attempt + 1))?;
    }
    play.converge().await?;
    let Play { account, began_with, late, .. } = play;
    let users = [names.active.as_str(), names.inactive.as_str()];
    let began_with = began_with.context("no attempt was made")?;
    stand.has_converged(&account, users, &began_with).await?;
    if let Some((token, step)) = late.filter(|_| schedule.hypothesis == Hypothesis::LateWrite) {
        let old = current(stand, &account).await?;
        let late = stand.cloud.aws.invoke_step(&account.secret, &token, &step);
        stand.watched(&account, late).await?;
        stand.nothing_is_broken(&account, &old).await.context("after the late step")?;
        stand.has_converged(&account, users, &began_with).await.context("after the late step")?;
    }
    // The handler may have been hit, so repeats of its messages are possible.
    stand.incidents_are_over(&account, &old_incidents, true).await?;
    Ok(())
}

/// The next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A new rotation, as after a rotation that succeeded, or by the playbook.
    New,
    /// What Secrets Manager does after a failure, by the hypothesis.
    Retry,
    /// None: the rotation has converged.
    None,
}

struct Play<'p, 'a> {
    stand: &'p Stand<'a>,
    account: Account,
    schedule: &'p Schedule,
    ran: &'p mut Ran,
    next: Next,
    /// The version that was current before the attempt that converged.
    began_with: Option<String>,
    /// The token and the step of the first failure.
    late: Option<(String, String)>,
}

impl Play<'_, '_> {
    /// One attempt with its parts.
    async fn attempt(&mut self, number: usize) -> Result<()> {
        let parts: Vec<&Part> = self.schedule.of_attempt(number).collect();
        let hits_reports = parts.iter().any(|part| part.hits_reports());
        let mute = hits_reports || parts.iter().any(|part| part.kills());
        let names = names_now(self.stand, &self.account).await?;
        let before = self.stand.told(&self.account, mute).await?;
        let old = current(self.stand, &self.account).await?;
        let version = self.version().await?;
        let armed: Vec<Arc<Reached>> = parts.iter().filter_map(|part| self.armed(part, &names)).collect();
        let (stand, account) = (self.stand, &self.account);
        let work = async {
            let rotation = self.rotation().await?;
            let end = stand.settle(account, &rotation).await?;
            anyhow::Ok((rotation, end))
        };
        let outages = parts.iter().filter_map(|part| match &part.what {
            What::Meanwhile { after_ms, outage } => Some(act::outage(stand, *after_ms, *outage)),
            What::Fault { .. } | What::Afterwards(_) => None,
        });
        let restarts =
            parts.iter().any(|part| matches!(part.what, What::Meanwhile { outage: Outage::Broker, .. }));
        // While the broker is down, nobody logs in.
        let work = async { if restarts { work.await } else { stand.watched(account, work).await } };
        // An outage always ends: a part that stays away would violate every later schedule.
        let (worked, restored) = tokio::join!(work, try_join_all(outages));
        restored?;
        let (rotation, end) = worked?;
        self.ran.attempts += 1;
        if hits_reports && end != End::Converged {
            tokio::time::sleep(HANDLER).await;
        }
        for reached in armed {
            self.ran.reached += usize::from(reached.ended().await?);
        }
        stand.open().await?;
        stand.nothing_is_broken(account, &old).await.with_context(|| ended(&end))?;
        stand.promoted_in_its_turn(account, &rotation, &version).await?;
        // If reports themselves failed, they may come later, or by another way. At the end, none is open.
        if !hits_reports {
            stand.was_told(account, &end, &before, mute).await?;
            stand.an_incident_is_open(account, &end).await?;
        }
        self.remember(&rotation, &end, version);
        for part in parts {
            if let What::Afterwards(action) = part.what {
                let converged = self.next == Next::None;
                if act::action(self.stand, &self.account, action, converged)
                    .await
                    .with_context(|| part.to_string())?
                {
                    self.next = Next::New;
                }
                let now = current(self.stand, &self.account).await?;
                self.stand.nothing_is_broken(&self.account, &now).await.with_context(|| part.to_string())?;
            }
        }
        Ok(())
    }

    /// Attempts without a part, until the rotation has converged.
    async fn converge(&mut self) -> Result<()> {
        for further in 0..FURTHER_ATTEMPTS {
            if self.next == Next::None {
                return Ok(());
            }
            let context = || format!("further attempt {}", further + 1);
            self.attempt(self.schedule.attempts + further).await.with_context(context)?;
        }
        ensure!(self.next == Next::None, "not converged after {FURTHER_ATTEMPTS} attempts without a fault");
        Ok(())
    }

    fn armed(&self, part: &Part, names: &Names) -> Option<Arc<Reached>> {
        match &part.what {
            What::Fault { point, fault } => Some(self.stand.arm(point, *fault, names)),
            What::Meanwhile { .. } | What::Afterwards(_) => None,
        }
    }

    async fn rotation(&self) -> Result<Rotation> {
        let (stand, account) = (self.stand, &self.account);
        match (self.next, self.schedule.hypothesis) {
            (Next::New | Next::None, _) | (Next::Retry, Hypothesis::None) => {
                stand.rotate_by_the_playbook(account).await
            }
            (Next::Retry, Hypothesis::SameToken | Hypothesis::Duplicate) => {
                stand.retry(account, Token::Same).await
            }
            (Next::Retry, Hypothesis::NewToken | Hypothesis::LateWrite) => {
                stand.retry(account, Token::New).await
            }
        }
    }

    fn remember(&mut self, rotation: &Rotation, end: &End, version: String) {
        self.next = match end {
            End::Converged => Next::None,
            End::Undelivered => Next::New,
            End::Failed { .. } => Next::Retry,
        };
        self.began_with = Some(version);
        if self.late.is_none()
            && let (Some(step), Some(attempt)) = (failed_step(rotation), rotation.attempts.last())
        {
            self.late = Some((attempt.version_id.clone(), step.step.clone()));
        }
    }

    async fn version(&self) -> Result<String> {
        self.stand.cloud.version(&self.account.secret, "AWSCURRENT").await?.context("nothing is current")
    }
}

async fn current(stand: &Stand<'_>, account: &Account) -> Result<Value> {
    stand.in_use(account).await?.into_iter().next().map(|(_, value)| value).context("nothing is current")
}

/// The users by their roles in the next attempt.
async fn names_now(stand: &Stand<'_>, account: &Account) -> Result<Names> {
    let value = stand.cloud.value(&account.secret, "AWSCURRENT").await?;
    let active = value["username"].as_str().context("a value without a user")?.to_owned();
    let inactive = match active.strip_suffix("_clone") {
        Some(first) => first.to_owned(),
        None => format!("{active}_clone"),
    };
    Ok(Names { active, inactive, secret: account.secret.clone() })
}

/// How an attempt ended, in words.
fn ended(end: &End) -> String {
    match end {
        End::Converged => "succeeded".to_owned(),
        End::Undelivered => "was not delivered".to_owned(),
        End::Failed { kind } => format!("failed as {kind}"),
    }
}
