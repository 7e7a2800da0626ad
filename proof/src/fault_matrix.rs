//! The fault matrix: a rotation with its delivery, with each fault at each call, under every retry hypothesis.
//!
//! The calls are recorded from a clean rotation, so a new call of a function is covered automatically. Each cell runs
//! against the real broker, cluster and operator, with the functions' own programs. After **every** attempt, the
//! credentials in AWSCURRENT and in the cluster must log in with the application's permissions. `cell.rs` defines how a
//! cell must end. `place.rs`, `fault.rs` and `hypothesis.rs` define what is covered.

mod account_events;
mod attempt;
mod call_name;
mod cell;
mod end;
mod evidence;
mod fault;
mod gate;
mod hypothesis;
mod incidents;
mod kept;
mod matrix;
mod piece;
mod place;
mod point;
mod progress;
pub mod random;
mod recording;
mod selection;
mod stand;
mod watch;

use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use futures_util::future::{join_all, try_join_all};
use testbed::cloud::Cloud;
use testbed::kubernetes::StoreScope;

pub use self::kept::Kept;
pub use self::matrix::{Matrix, Violation, minutes};
use self::piece::Piece;
pub use self::piece::{Key, Pieces};
use self::point::Point;
use self::progress::Progress;
pub use self::selection::Selection;
use self::selection::{Unit, units};
use self::stand::{NAMESPACE, Stand};

/// How many rotations run in parallel, at most. They wait for timeouts most of the time.
const STANDS: usize = 12;
/// The setup of a stand takes some seconds.
const UNITS_WORTH_A_STAND: usize = 12;

/// The cells to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The selected cells.
    pub selection: Selection,
    /// Whether violated pieces run again.
    pub again: bool,
    /// No further piece starts after this time.
    pub until: Option<Instant>,
}

impl From<Selection> for Wanted {
    /// All cells of a selection, once.
    fn from(selection: Selection) -> Self {
        Self { selection, again: false, until: None }
    }
}

/// The kept results of the selected cells, unless cells remain to run.
#[must_use]
pub fn finished(wanted: &Wanted, kept: &Kept) -> Option<Matrix> {
    let points = &kept.pieces().heading.as_ref()?.points;
    let units = units(points, &wanted.selection);
    let matrix = Matrix::new(points, &units, kept.pieces());
    kept.pieces().left(units, wanted.again).is_empty().then_some(matrix)
}

/// Runs the selected cells that are not kept yet on `cloud`, which has Kubernetes and enforces IAM, and keeps their
/// results. Returns all results of the selected cells.
///
/// # Errors
/// When the proof cannot be set up, its pieces cannot be kept, or a part of the testbed has ended. A violated cell is not
/// an error: see [`Matrix::holds`].
pub async fn run(cloud: &Cloud, wanted: &Wanted, kept: &mut Kept, progress: &dyn Fn(&str)) -> Result<Matrix> {
    let began = Instant::now();
    let (first, points) = first_stand(cloud, kept).await?;
    let all = units(&points, &wanted.selection);
    let left = kept.pieces().left(all.clone(), wanted.again);
    let mut stands = with_more(cloud, first, left.len().div_ceil(UNITS_WORTH_A_STAND)).await?;
    let cells = left.iter().map(|unit| wanted.selection.hypotheses(unit).len()).sum();
    let told = Progress { units: all.len(), done: all.len() - left.len(), cells, cells_done: 0 };
    let work =
        Work { kept: Mutex::new((kept, told)), queue: Mutex::new(left.into_iter()), wanted, progress, began };
    try_join_all(stands.iter_mut().map(|stand| work.on(stand))).await?;
    let (kept, _) = work.kept.into_inner().ok().context("a cell panicked")?;
    Ok(Matrix::new(&points, &all, kept.pieces()))
}

/// The first stand, and the calls of a clean rotation. The first run of a commit records them.
async fn first_stand<'a>(cloud: &'a Cloud, kept: &mut Kept) -> Result<(Stand<'a>, Vec<Point>)> {
    // The names of each stand's secrets have their own prefix.
    let scope = StoreScope { prefix: "proof", ..StoreScope::default() };
    cloud.kubernetes()?.create_scoped_namespace(&cloud.aws, NAMESPACE, &[], scope).await?;
    let mut first = Stand::set_up(cloud, 0).await.context("the proof cannot be set up")?;
    if let Some(heading) = &kept.pieces().heading {
        return Ok((first, heading.points.clone()));
    }
    let points = recording::record(&mut first).await.context("a clean rotation cannot be recorded")?;
    kept.begin(cloud.broker.version(), &points)?;
    Ok((first, points))
}

/// As many stands as are `wanted`, and not more than [`STANDS`].
async fn with_more<'a>(cloud: &'a Cloud, first: Stand<'a>, wanted: usize) -> Result<Vec<Stand<'a>>> {
    let more = (1..wanted.clamp(1, STANDS)).map(|number| Stand::set_up(cloud, number));
    let more = join_all(more).await.into_iter();
    std::iter::once(Ok(first)).chain(more).collect()
}

/// The state that the stands share.
struct Work<'a> {
    kept: Mutex<(&'a mut Kept, Progress)>,
    queue: Mutex<std::vec::IntoIter<Unit>>,
    wanted: &'a Wanted,
    progress: &'a dyn Fn(&str),
    began: Instant,
}

impl Work<'_> {
    /// Runs one unit after the other, until none is left or the time is over.
    async fn on(&self, stand: &mut Stand<'_>) -> Result<()> {
        while let Some(unit) = self.next()? {
            let cells = cell::run(stand, &unit, &self.wanted.selection).await;
            if cells.iter().any(|(_, outcome)| outcome.violation.is_some()) {
                stand.parts_answer().await.context("a part of the testbed has ended")?;
            }
            let mut shared = lock(&self.kept)?;
            let piece = Piece { unit: unit.name(), moment: shared.0.moment(), cells };
            for Violation { cell, what } in matrix::violations(&unit, &piece) {
                (self.progress)(&format!("VIOLATED  {cell}\n          {what}"));
            }
            if let Some(line) = shared.1.add(piece.cells.len(), self.began.elapsed()) {
                (self.progress)(&line);
            }
            shared.0.add(piece)?;
        }
        Ok(())
    }

    fn next(&self) -> Result<Option<Unit>> {
        let is_over = self.wanted.until.is_some_and(|until| Instant::now() >= until);
        Ok(if is_over { None } else { lock(&self.queue)?.next() })
    }
}

fn lock<T>(shared: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    shared.lock().map_err(|_| anyhow!("a cell panicked"))
}
