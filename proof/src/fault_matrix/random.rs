//! Random schedules: several faults at once, restarts of the broker, the operator and the table, and people who act in
//! between. A seed chooses all of it, so each schedule can be repeated.
//!
//! `schedule.rs` (pure) makes a schedule from a seed. `play.rs` runs one on a stand and checks, after each attempt, what the
//! fault matrix checks. If a schedule is violated, `shrink.rs` leaves parts out as long as it is still violated. The results
//! are stored with the pieces of the commit, so ranges of seeds add up.

mod act;
mod part;
mod play;
mod schedule;
mod shrink;
mod tally;

use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use testbed::cloud::Cloud;
use tokio::sync::RwLock;

use self::schedule::Schedule;
pub use self::tally::Tally;
use super::piece::Moment;
use super::point::Point;
use super::stand::Stand;
use super::{Kept, first_stand, lock, with_more};

/// The setup of a stand takes some seconds, and a schedule some ten.
const SCHEDULES_WORTH_A_STAND: usize = 3;
const REPORT_EVERY: usize = 10;

/// The schedules to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Their seeds.
    pub seeds: Range<u64>,
    /// Of a single schedule, only these parts. None: all.
    pub parts: Option<Vec<usize>>,
    /// Whether violated schedules run again.
    pub again: bool,
    /// No further schedule starts after this time.
    pub until: Option<Instant>,
}

/// The result of one schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// Its seed.
    pub seed: u64,
    /// When it ended.
    pub moment: Moment,
    /// Its parts, in words.
    pub parts: Vec<String>,
    /// How many faults found their call.
    pub reached: usize,
    /// The attempts of the rotation, those after the last part included.
    pub attempts: usize,
    /// The condition that was not met.
    pub violation: Option<String>,
    /// The numbers of the parts with which it was still violated. The violation of the smaller schedule may be another one.
    pub necessary: Vec<usize>,
    /// How long it took, without its repetitions, in milliseconds.
    pub took_ms: u64,
}

/// The results of the wanted seeds so far, unless seeds remain to run.
#[must_use]
pub fn finished(wanted: &Wanted, kept: &Kept) -> Option<Tally> {
    left(wanted, kept).is_empty().then(|| Tally::of(&wanted.seeds, kept.pieces()))
}

/// Runs the wanted schedules that are not stored yet on `cloud`, which has Kubernetes and enforces IAM. Nothing else may use
/// the cloud, because the broker restarts.
///
/// # Errors
/// When the schedules cannot be set up or stored. A violated schedule is not an error: see [`Tally::holds`].
pub async fn run(cloud: &Cloud, wanted: &Wanted, kept: &mut Kept, progress: &dyn Fn(&str)) -> Result<Tally> {
    let (first, points) = first_stand(cloud, kept).await?;
    let seeds = left(wanted, kept);
    let mut stands = with_more(cloud, first, seeds.len().div_ceil(SCHEDULES_WORTH_A_STAND)).await?;
    let work = Work {
        queue: Mutex::new(seeds.into_iter()),
        kept: Mutex::new(kept),
        alone: RwLock::new(()),
        points,
        wanted,
        progress,
    };
    try_join_all(stands.iter_mut().map(|stand| work.on(stand))).await?;
    let kept = work.kept.into_inner().ok().context("a schedule panicked")?;
    Ok(Tally::of(&wanted.seeds, kept.pieces()))
}

fn left(wanted: &Wanted, kept: &Kept) -> Vec<u64> {
    let schedules = &kept.pieces().schedules;
    let is_left = |seed: &u64| {
        wanted.parts.is_some()
            || schedules.get(seed).is_none_or(|ran| wanted.again && ran.violation.is_some())
    };
    wanted.seeds.clone().filter(is_left).collect()
}

/// The state that the stands share.
struct Work<'a> {
    queue: Mutex<std::vec::IntoIter<u64>>,
    kept: Mutex<&'a mut Kept>,
    /// Schedules run side by side. One that restarts a part of all stands runs alone.
    alone: RwLock<()>,
    points: Vec<Point>,
    wanted: &'a Wanted,
    progress: &'a dyn Fn(&str),
}

impl Work<'_> {
    /// Runs one schedule after the other, until none is left or the time is over.
    async fn on(&self, stand: &mut Stand<'_>) -> Result<()> {
        while let Some(seed) = self.next()? {
            let mut schedule = Schedule::of(seed, &self.points);
            if let Some(parts) = &self.wanted.parts {
                schedule = schedule.only(parts);
            }
            let mut ran = self.play(stand, &schedule).await;
            if ran.violation.is_some() {
                ran.necessary = schedule.numbers();
                let ended = stand.parts_answer().await.context("a part of the testbed has ended");
                if ended.is_ok() {
                    ran.necessary = shrink::necessary(&schedule, async |smaller| {
                        self.play(stand, &smaller).await.violation.is_some()
                    })
                    .await;
                }
                (self.progress)(&tally::violated(&ran));
                ended?;
            }
            let mut kept = lock(&self.kept)?;
            ran.moment = kept.moment();
            kept.add_schedule(ran)?;
            let done = kept.pieces().schedules.len();
            if done.is_multiple_of(REPORT_EVERY) {
                (self.progress)(&format!("  {done} random schedules"));
            }
        }
        Ok(())
    }

    /// Runs one schedule. After a violation, the next one has another account.
    async fn play(&self, stand: &mut Stand<'_>, schedule: &Schedule) -> Ran {
        let (_alone, _beside) = if schedule.restarts_a_shared_part() {
            (Some(self.alone.write().await), None)
        } else {
            (None, Some(self.alone.read().await))
        };
        let began = Instant::now();
        let mut ran = Ran { seed: schedule.seed, parts: schedule.words(), ..Ran::default() };
        if let Err(error) = play::play(stand, schedule, &mut ran).await {
            ran.violation = Some(format!("{error:#}"));
            stand.abandon_account();
            // Faults of a schedule that ended early must not reach the next one.
            if let Err(error) = stand.open().await {
                ran.violation = Some(format!("a proxy has ended: {error:#}"));
            }
        }
        ran.took_ms = millis(began.elapsed());
        ran
    }

    fn next(&self) -> Result<Option<u64>> {
        let is_over = self.wanted.until.is_some_and(|until| Instant::now() >= until);
        Ok(if is_over { None } else { lock(&self.queue)?.next() })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
