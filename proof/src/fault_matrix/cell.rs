//! One cell: a fault at a call under a hypothesis, and all attempts that follow until the rotation has converged.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use testbed::aws::{Rotation, Token};

use super::attempt::failed_step;
use super::end::End;
use super::fault::Fault;
use super::hypothesis::Hypothesis;
use super::place::{Function, Place};
use super::point::{Point, Turn};
use super::selection::{Selection, Unit};
use super::stand::{Account, Stand};

/// The most attempts without a fault after the attempt with the fault. One is enough if the attempt itself failed. If a
/// promotion did not request its delivery, two follow: a refused rotation, which requests the delivery, and one that
/// succeeds. On a busy machine, one of these may also fail after its promotion by a timeout. Then the same follows again.
const FURTHER_ATTEMPTS: usize = 5;
/// On a busy machine, a call before the point may time out, or the SDK may abandon and repeat the point's call before
/// the fault. Then the cell starts again.
const BEGINNINGS: usize = 5;

/// The limit of one call of the handler, retries included. A lasting fault lasts longer.
const CALL_LIMIT: Duration = Duration::from_millis(2_500);

/// The result of one hypothesis of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The number of attempts that ran for it. It is zero if the run of another hypothesis also counts for it.
    pub attempts: usize,
    /// How often the cell was started again because its call did not arrive.
    pub restarts: usize,
    /// The condition that was not met.
    pub violation: Option<String>,
    /// Whether a further attempt was necessary after the attempt with the fault.
    pub failed: bool,
}

/// Runs the fault of `unit` under each of its hypotheses. If the attempt with the fault succeeds, nothing follows. Then
/// all hypotheses about what follows share one run.
pub async fn run(stand: &mut Stand<'_>, unit: &Unit, selection: &Selection) -> Vec<(Hypothesis, Outcome)> {
    let mut wanted = selection.hypotheses(unit);
    let mut outcomes = Vec::new();
    if wanted.contains(&Hypothesis::LateWrite) {
        // The first part of this hypothesis is the run with a new token.
        wanted.retain(|hypothesis| *hypothesis != Hypothesis::NewToken);
    }
    let mut ended_well = false;
    for hypothesis in wanted {
        if ended_well && hypothesis.needs_a_failure() {
            outcomes.push((hypothesis, Outcome::default()));
            continue;
        }
        let outcome = play(stand, &unit.point, unit.fault, hypothesis).await;
        if hypothesis.needs_a_failure() {
            ended_well = !outcome.failed && outcome.violation.is_none();
        }
        outcomes.push((hypothesis, outcome));
    }
    if selection.hypotheses(unit).contains(&Hypothesis::LateWrite) {
        outcomes.push((Hypothesis::NewToken, Outcome::default()));
    }
    outcomes
}

async fn play(stand: &mut Stand<'_>, point: &Point, fault: Fault, hypothesis: Hypothesis) -> Outcome {
    let mut outcome = Outcome::default();
    for beginning in 0..BEGINNINGS {
        outcome.restarts = beginning;
        match attempts(stand, point, fault, hypothesis, &mut outcome).await {
            Ok(true) => return outcome,
            Ok(false) => {}
            Err(error) => {
                outcome.violation = Some(format!("{error:#}"));
                break;
            }
        }
    }
    outcome.violation.get_or_insert_with(|| format!("the call did not arrive in {BEGINNINGS} attempts"));
    stand.abandon_account();
    outcome
}

/// Returns whether the fault's call arrived. All other conditions are checked in any case.
async fn attempts(
    stand: &mut Stand<'_>,
    point: &Point,
    fault: Fault,
    hypothesis: Hypothesis,
    outcome: &mut Outcome,
) -> Result<bool> {
    let (account, names) = stand.prepare(point.turn).await?;
    let began_with =
        stand.cloud.version(&account.secret, "AWSCURRENT").await?.context("nothing is current")?;
    stand.assume(&account, hypothesis).await?;
    let mute = fault.kills() || point.place == Place::Notices;
    let before = stand.told(&account, mute).await?;
    let old_incidents = stand.closed_incidents(&account).await?;
    let old = current(stand, &account).await?;
    let reached = stand.arm(point, fault, &names);
    let (first, mut end) = stand.watched(&account, stand.attempt(&account, point.turn)).await?;
    outcome.attempts += 1;
    let hit = point.place.function() == Function::DlqHandler;
    if hit && reached.comes().await && fault.lasts() {
        tokio::time::sleep(CALL_LIMIT).await;
    }
    let reached = reached.ended().await?;
    stand.open().await?;
    if point.turn == Turn::Undelivered && end == End::Undelivered {
        end = stand.is_delivered_after_all(&account).await?;
    }
    stand.nothing_is_broken(&account, &old).await.with_context(|| format!("after {}", told(&end)))?;
    stand.promoted_in_its_turn(&account, &first, &began_with).await?;
    stand.was_told(&account, &end, &before, mute).await?;
    stand.an_incident_is_open(&account, &end).await?;
    outcome.failed = end != End::Converged;
    let mut further = 0;
    while end != End::Converged {
        further += 1;
        ensure!(further <= FURTHER_ATTEMPTS, "not converged: the last attempt {}", told(&end));
        let before = stand.told(&account, false).await?;
        let old = current(stand, &account).await?;
        let attempt = async {
            let rotation = next(stand, &account, hypothesis, &end).await?;
            stand.settle(&account, &rotation).await
        };
        end = stand.watched(&account, attempt).await?;
        outcome.attempts += 1;
        let context = || format!("after attempt {}, which {}", outcome.attempts, told(&end));
        stand.nothing_is_broken(&account, &old).await.with_context(context)?;
        stand.was_told(&account, &end, &before, false).await?;
        stand.an_incident_is_open(&account, &end).await?;
    }
    let users = [names.active.as_str(), names.inactive.as_str()];
    stand.has_converged(&account, users, &began_with).await?;
    if let (Hypothesis::LateWrite, Some(step)) = (hypothesis, failed_step(&first)) {
        let token = &first.attempts.first().context("no attempt")?.version_id;
        let old = current(stand, &account).await?;
        let late = stand.cloud.aws.invoke_step(&account.secret, token, &step.step);
        stand.watched(&account, late).await?;
        stand.nothing_is_broken(&account, &old).await.context("after the late step")?;
        stand.has_converged(&account, users, &began_with).await.context("after the late step")?;
    }
    let incidents = stand.incidents_are_over(&account, &old_incidents, hit).await?;
    // If a failed delivery succeeds before the handler records the failure, no incident is required.
    let opened = outcome.failed || point.turn == Turn::Mending;
    ensure!(incidents > 0 || !opened, "no incident was reported");
    Ok(reached)
}

async fn current(stand: &Stand<'_>, account: &Account) -> Result<Value> {
    stand.in_use(account).await?.into_iter().next().map(|(_, value)| value).context("nothing is current")
}

/// Runs what follows a failed attempt.
async fn next(stand: &Stand<'_>, account: &Account, hypothesis: Hypothesis, end: &End) -> Result<Rotation> {
    match (hypothesis, end) {
        (Hypothesis::None, _) | (_, End::Undelivered | End::Converged) => {
            stand.rotate_by_the_playbook(account).await
        }
        (Hypothesis::SameToken | Hypothesis::Duplicate, _) => stand.retry(account, Token::Same).await,
        (Hypothesis::NewToken | Hypothesis::LateWrite, _) => stand.retry(account, Token::New).await,
    }
}

fn told(end: &End) -> String {
    match end {
        End::Converged => "succeeded".to_owned(),
        End::Undelivered => "was not delivered".to_owned(),
        End::Failed { kind } => format!("failed as {kind}"),
    }
}
