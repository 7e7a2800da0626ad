//! The calls of a clean rotation and its delivery: the points where faults are injected.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::aws::RotationOptions;
use testbed::fault_proxy::Call;

use super::call_name::{LOGIN, Names, call_name};
use super::end::End;
use super::hypothesis::Hypothesis;
use super::place::{Function, Place};
use super::point::{Point, Turn};
use super::stand::{RECEIPT, Stand};

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const DELIVERY: &str = "delivery";
const INCIDENT: &str = "incident";
const LIMIT: Duration = Duration::from_secs(30);
/// secret2eks polls the operator, and the handler receives a failure in more than one way. Therefore the number of equal
/// calls varies. The second such call is equivalent to the fifth.
const REPEATED: usize = 2;

/// The points of a later rotation, and the different calls of other rotations. The first rotation of a secret differs in
/// setSecret, which finds no second user, and in the delivery, which logs in to the cluster. A failed rotation reports
/// the failure. Others open or close an incident.
///
/// # Errors
/// When a clean rotation fails.
pub async fn record(stand: &mut Stand<'_>) -> Result<Vec<Point>> {
    let later = rotation(stand, Turn::Later).await?;
    let first = rotation(stand, Turn::First).await?;
    let failing = rotation(stand, Turn::Failing).await?;
    // Its pending version blocks the next rotation.
    stand.abandon_account();
    let notices = |point: &Point| point.place == Place::Notices;
    let otherwise = |point: &Point| {
        point.place.function() == Function::Secret2Eks
            || point.step == "setSecret" && point.place == Place::Management
    };
    let first = first.into_iter().filter(otherwise);
    let failing = failing.into_iter().filter(notices);
    let mut points: Vec<Point> = later.into_iter().chain(first).chain(failing).collect();
    for turn in [Turn::Failing, Turn::Mending, Turn::Undelivered] {
        points.extend(incident(stand, turn).await.with_context(|| format!("{turn:?}"))?);
    }
    for place in Place::ALL {
        ensure!(points.iter().any(|point| point.place == place), "no call goes to {place}");
    }
    Ok(points)
}

async fn rotation(stand: &mut Stand<'_>, turn: Turn) -> Result<Vec<Point>> {
    let (account, names) = stand.prepare(turn).await?;
    stand.assume(&account, Hypothesis::SameToken).await?;
    let no_steps = RotationOptions { steps: Some(0), ..RotationOptions::default() };
    stand.cloud.aws.set_rotation_options(Some(&account.secret), &no_steps).await?;
    let version = stand.start_rotation(&account).await?;
    stand.cloud.aws.wait_for_rotation(&account.secret, Some(&version), LIMIT).await?;
    let mut log = Log::new(turn, names);
    log.seen.insert(Place::Amqps, stand.logins());
    for step in STEPS {
        let answer = stand.cloud.aws.invoke_step(&account.secret, &version, step).await?;
        log.add(stand, Function::RotationMq, step);
        if turn == Turn::Failing && answer.outcome == "failed" {
            return Ok(log.points);
        }
        ensure!(answer.outcome == "succeeded", "{answer:?}");
    }
    ensure!(turn != Turn::Failing, "no step failed");
    stand.cloud.wait_for_tag(&account.secret, RECEIPT, &version, LIMIT).await.context("no delivery")?;
    log.add(stand, Function::Secret2Eks, DELIVERY);
    Ok(log.points)
}

/// The handler's calls while an incident opens or closes.
async fn incident(stand: &mut Stand<'_>, turn: Turn) -> Result<Vec<Point>> {
    let (account, names) = stand.prepare(turn).await?;
    stand.assume(&account, Hypothesis::SameToken).await?;
    let (rotation, end) = stand.attempt(&account, turn).await?;
    // A rotation that does not end as its turn requires has fewer calls. Without this check, nobody would notice.
    let expected = if turn == Turn::Failing { "failed" } else { "succeeded" };
    ensure!(rotation.outcome == expected, "the rotation did not end as {expected}: {rotation:?}");
    let mended = turn == Turn::Mending;
    ensure!(!mended || end == End::Converged, "the attempt after the failed one ended as {end:?}");
    if turn == Turn::Undelivered {
        stand.is_delivered_after_all(&account).await?;
    }
    stand.the_handler_is_done().await?;
    let mut log = Log::new(turn, names);
    log.add(stand, Function::DlqHandler, INCIDENT);
    if turn == Turn::Failing {
        stand.abandon_account();
    }
    Ok(log.points)
}

/// The calls since the last reading, numbered by name.
struct Log {
    turn: Turn,
    names: Names,
    seen: BTreeMap<Place, usize>,
    counts: BTreeMap<(Place, String), usize>,
    points: Vec<Point>,
}

impl Log {
    fn new(turn: Turn, names: Names) -> Self {
        Self { turn, names, seen: BTreeMap::new(), counts: BTreeMap::new(), points: Vec::new() }
    }

    fn add(&mut self, stand: &Stand<'_>, function: Function, step: &str) {
        for place in Place::ALL.into_iter().filter(|place| place.function() == function) {
            let seen = self.seen.get(&place).copied().unwrap_or_default();
            let calls: Vec<String> = match stand.gate(place) {
                None => vec![LOGIN.to_owned(); stand.logins().saturating_sub(seen)],
                Some(gate) => self.names_of(place, gate.calls().get(seen..).unwrap_or_default()),
            };
            self.seen.insert(place, seen + calls.len());
            for call in calls {
                self.count(place, step, call);
            }
        }
    }

    fn names_of(&self, place: Place, calls: &[Call]) -> Vec<String> {
        calls.iter().map(|call| call_name(place, call, &self.names)).collect()
    }

    fn count(&mut self, place: Place, step: &str, call: String) {
        let nth = self.counts.entry((place, call.clone())).or_default();
        *nth += 1;
        let repeats = place == Place::Kubernetes || place.function() == Function::DlqHandler;
        if !repeats || *nth <= REPEATED {
            self.points.push(Point { turn: self.turn, place, step: step.to_owned(), call, nth: *nth });
        }
    }
}
