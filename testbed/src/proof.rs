//! The fault matrix: a rotation with its delivery, with each fault at each call, under every retry hypothesis.
//!
//! The calls are those of a clean rotation, recorded here, so a new call of a function is covered without anybody
//! thinking of it. Each cell runs against the real broker, cluster and operator and the functions' own programs, and
//! after **every** attempt what is AWSCURRENT and what the cluster holds must log in with the application's grants.
//! What a cell has to end in: `cell.rs`. What is covered: `place.rs`, `fault.rs`,
//! `hypothesis.rs`.

mod attempt;
mod call_name;
mod cell;
mod evidence;
mod fault;
mod gate;
mod hypothesis;
mod incidents;
mod matrix;
mod place;
mod point;
mod recording;
mod selection;
mod stand;
mod watch;

use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, Result};
use futures_util::future::join_all;

pub use self::matrix::{Matrix, Violation};
pub use self::selection::Selection;
use self::selection::{Unit, units};
use self::stand::{NAMESPACE, Stand};
use crate::cloud::Cloud;

/// How many rotations run side by side. They wait for timeouts most of the time.
const STANDS: usize = 12;
/// To set a stand up takes some seconds.
const UNITS_WORTH_A_STAND: usize = 12;

/// Runs the chosen cells on `cloud`, which has Kubernetes and enforces IAM.
///
/// # Errors
/// When the proof cannot be set up. A violated cell is none: see [`Matrix::holds`].
pub async fn run(cloud: &Cloud, selection: &Selection, progress: &dyn Fn(&str)) -> Result<Matrix> {
    let began = Instant::now();
    cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, NAMESPACE, &[]).await?;
    let mut stands = vec![Stand::set_up(cloud, 0).await.context("the proof cannot be set up")?];
    let first = stands.first_mut().context("no stand")?;
    let points = recording::record(first).await.context("a clean rotation cannot be recorded")?;
    let chosen = units(&points, selection);
    let wanted = chosen.len().div_ceil(UNITS_WORTH_A_STAND).clamp(1, STANDS);
    let more = join_all((1..wanted).map(|number| Stand::set_up(cloud, number))).await;
    stands.extend(more.into_iter().collect::<Result<Vec<_>>>()?);
    let matrix = Mutex::new(Matrix::new(&points, chosen.len()));
    let queue = Mutex::new(chosen.into_iter());
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let work = stands.iter_mut().map(|stand| async {
        while let Some(unit) = next() {
            run_unit(stand, &unit, selection, &matrix, progress).await;
        }
    });
    join_all(work).await;
    let mut matrix = matrix.into_inner().ok().context("a cell panicked")?;
    matrix.took = began.elapsed();
    Ok(matrix)
}

async fn run_unit(
    stand: &mut Stand<'_>,
    unit: &Unit,
    selection: &Selection,
    matrix: &Mutex<Matrix>,
    progress: &dyn Fn(&str),
) {
    let outcomes = cell::run(stand, unit, selection).await;
    let Ok(mut matrix) = matrix.lock() else { return };
    for line in matrix.add(unit, outcomes) {
        progress(&line);
    }
}
