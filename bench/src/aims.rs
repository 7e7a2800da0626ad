//! The aims of the project for speed and size, and whether they are met. An aim that is not met is no failure of a run.

use crate::figures::{EMPTY, Figures, OURS};
use crate::share::WHOLE_CORE_MB;
use crate::spread::megabytes;
use crate::tenants::Tenants;

/// The memory for which the share of a core has aims.
const SMALL_MB: u32 = 128;

/// One aim. All values are in the unit of `unit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// What is measured.
    pub what: String,
    /// The value.
    pub measured: String,
    /// The most that it should be.
    pub aim: String,
    /// Whether it is.
    pub met: bool,
}

/// How a value is written.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Us,
    Kb,
    Count,
}

impl Unit {
    fn text(self, value: u64) -> String {
        match self {
            // One decimal more than elsewhere, so that a value just above its aim does not look like it.
            Self::Us => format!("{}.{} ms", value / 1_000, value % 1_000 / 100),
            Self::Kb => megabytes(value),
            Self::Count => value.to_string(),
        }
    }

    /// An aim has no decimals.
    fn aim(self, most: u64) -> String {
        match self {
            Self::Us => format!("{} ms", most / 1_000),
            Self::Kb => format!("{}.{} MB", most / 1_000, most % 1_000 / 100),
            Self::Count => most.to_string(),
        }
    }
}

/// All aims whose values were measured.
#[must_use]
pub fn aims(figures: &Figures) -> Vec<Aim> {
    let small = figures.rotations_of(OURS, SMALL_MB);
    let whole = figures.rotations_of(OURS, WHOLE_CORE_MB);
    let start = |name: &str| figures.cold_starts.get(name).map(|spread| spread.median_us);
    let more = start(OURS).zip(start(EMPTY)).map(|(ours, empty)| ours.saturating_sub(empty));
    let calls = &figures.calls;
    let count = |count: usize| u64::try_from(count).ok();
    let delivery = figures.delivery.as_ref();
    let rows = [
        ("warm rotation with 128 MB", small.map(|it| it.warm.median_us), Unit::Us, 150_000),
        ("first rotation with 128 MB, start included", small.map(|it| it.first.median_us), Unit::Us, 300_000),
        ("warm rotation on a whole core", whole.map(|it| it.warm.median_us), Unit::Us, 35_000),
        ("CPU time of a warm rotation", whole.map(|it| it.warm_cpu.median_us), Unit::Us, 9_000),
        ("cold start, more than the empty function", more, Unit::Us, 5_000),
        (
            "peak memory",
            figures.rotations.iter().filter(|it| it.program == OURS).map(|it| it.peak_kb).max(),
            Unit::Kb,
            10_000,
        ),
        ("calls of the management API in a rotation", count(calls.management()), Unit::Count, 12),
        ("logins over AMQPS in a rotation", count(calls.logins()), Unit::Count, 2),
        ("zip of rotation-mq", Some(figures.zip_bytes.div_ceil(1_000)), Unit::Kb, 3_000),
        (
            "`RotateSecret` to the Secret in the cluster",
            delivery.map(|it| it.in_cluster.median_us),
            Unit::Us,
            150_000,
        ),
        (
            "`RotateSecret` to the application's new connection",
            delivery.map(|it| it.reconnected.median_us),
            Unit::Us,
            200_000,
        ),
    ];
    let rows = rows.into_iter().map(|(what, value, unit, most)| (what.to_owned(), value, unit, most));
    let rows = rows.chain(figures.tenants.iter().flat_map(of_tenants));
    let measured = rows.filter_map(|(what, value, unit, most)| Some((what, value?, unit, most)));
    let aim = |(what, value, unit, most): (String, u64, Unit, u64)| Aim {
        what,
        measured: unit.text(value),
        aim: unit.aim(most),
        met: value <= most,
    };
    measured.map(aim).collect()
}

/// The aims of a run with many secrets. 10 ms of CPU time for a delivery are 100 deliveries a second.
fn of_tenants(tenants: &Tenants) -> [(String, Option<u64>, Unit, u64); 3] {
    let secrets = tenants.secrets;
    let reconcile = tenants.smallest_reconcile();
    [
        (
            format!("CPU time of a delivery among {secrets} secrets"),
            tenants.work_of_a_delivery_us(),
            Unit::Us,
            10_000,
        ),
        (
            format!("reconcile of {secrets} secrets, nothing to do"),
            reconcile.map(|one| one.warm.median_us),
            Unit::Us,
            60_000_000,
        ),
        (format!("peak memory of secret2eks among {secrets} secrets"), tenants.peak_kb(), Unit::Kb, 40_000),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::example;

    #[test]
    fn an_aim_is_met_up_to_its_value() {
        let mut figures = example();
        let found = |figures: &Figures, part: &str| {
            aims(figures)
                .into_iter()
                .find(|aim| aim.what.contains(part))
                .map(|aim| (aim.measured, aim.aim, aim.met))
        };
        let text = |measured: &str, aim: &str, met| Some((measured.to_owned(), aim.to_owned(), met));
        assert_eq!(found(&figures, "warm rotation with 128"), text("156.0 ms", "150 ms", false));
        assert_eq!(found(&figures, "CPU time"), text("9.0 ms", "9 ms", true));
        assert_eq!(found(&figures, "zip"), text("2.9 MB", "3.0 MB", true));
        assert_eq!(found(&figures, "cold start"), text("4.0 ms", "5 ms", true));
        assert_eq!(found(&figures, "new connection"), text("210.0 ms", "200 ms", false));
        assert_eq!(found(&figures, "reconcile of"), None, "many secrets were not measured");
        figures.tenants = Some(crate::tenants::example());
        assert_eq!(found(&figures, "delivery among 10000"), text("1.5 ms", "10 ms", true));
        assert_eq!(found(&figures, "reconcile of 10000"), text("300.0 ms", "60000 ms", true));
        assert_eq!(found(&figures, "memory of secret2eks"), text("20.0 MB", "40.0 MB", true));
        figures.delivery = None;
        figures.rotations.retain(|series| series.memory_mb == WHOLE_CORE_MB);
        assert_eq!(found(&figures, "new connection"), None);
        assert_eq!(found(&figures, "128 MB"), None, "what was not measured has no verdict");
    }
}
