//! `bench`: measures what a rotation costs with the release build. If an aim is not met, it shows that and does not fail.

mod calls;
mod cold_start;
mod release;
mod rotations;
mod watched;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use testbed::aws::Options;
use testbed::broker::Suite;
use testbed::cloud::{Cloud, Functions, processes_of, workspace};

use self::calls::Calls;
use self::cold_start::ColdStarts;
use self::release::Release;
use self::rotations::Rotations;
use self::watched::Watched;
use super::report::{complain, say};
use super::{Started, relative};

const START_AIM: Duration = Duration::from_millis(5);
const MEMORY_AIM_KB: u64 = 30_000;
const AWS_CALLS_AIM: usize = 13;
const BROKER_CALLS_AIM: usize = 12;
const ZIP_AIM_BYTES: u64 = 3_500_000;

/// Measures, and prints the results.
pub async fn run(rotations: usize, starts: usize, secrets: usize) -> Result<bool> {
    let (release, suite) = (Release::find()?, Suite::from_environment()?);
    complain("building the empty function with the same profile");
    let (release, built) = tokio::task::spawn_blocking(|| {
        let built = release.build_empty_function();
        (release, built)
    })
    .await?;
    built?;
    complain(&format!("{starts} cold starts of each function"));
    let (rotation_mq, empty) = (release.rotation_mq.clone(), release.empty_function.clone());
    let cold =
        tokio::task::spawn_blocking(move || ColdStarts::measure(&rotation_mq, &empty, starts)).await??;
    complain("starting a local broker and an AWS emulator");
    let functions = Functions::packaged_in(&workspace().join("target/lambda"))?;
    let started = Started::new("bench", suite, functions, false, Options::default()).await?;
    complain(&format!("{rotations} rotations"));
    let measured = Rotations::measure(&started.cloud, rotations).await?;
    complain("counting the calls of one rotation");
    let calls = Calls::count(&started.cloud).await?;
    let watched = match secrets {
        0 => None,
        secrets => {
            complain(&format!("{secrets} secrets for rotation-watch"));
            Some(Watched::measure(&started.cloud, secrets).await?)
        }
    };
    let broker = started.cloud.broker.version().to_owned();
    started.end(false);

    say(&format!("\n{}, RabbitMQ {broker}\n", relative(&release.rotation_mq).display()));
    measured.print();
    calls.print();
    aims(&cold, &measured, &calls, release.zip_bytes);
    if let Some(watched) = watched {
        watched.print();
    }
    Ok(true)
}

fn aims(cold: &ColdStarts, measured: &Rotations, calls: &Calls, zip_bytes: u64) {
    row("", "measured", "aim", "");
    row("cold start, median", &milliseconds(cold.rotation_mq.median), "", "");
    row("  fastest and slowest", &cold.rotation_mq.range(), "", "");
    row("  of the empty function", &milliseconds(cold.empty.median), "", "");
    row("  fastest and slowest", &cold.empty.range(), "", "");
    let more = cold.rotation_mq.median.saturating_sub(cold.empty.median);
    row("  more than empty", &milliseconds(more), "<= 5 ms", met(more <= START_AIM));
    let peak = format!("{}.{} MB", measured.peak_kb / 1_000, measured.peak_kb % 1_000 / 100);
    row("peak memory", &peak, "< 30 MB", met(measured.peak_kb < MEMORY_AIM_KB));
    let (aws, broker) = (calls.aws(), calls.broker());
    row("AWS calls a rotation", &aws.to_string(), "<= 13", met(aws <= AWS_CALLS_AIM));
    row("broker calls a rotation", &broker.to_string(), "<= 12", met(broker <= BROKER_CALLS_AIM));
    let zip = format!("{}.{:02} MB", zip_bytes / 1_000_000, zip_bytes % 1_000_000 / 10_000);
    row("zip", &zip, "< 3.5 MB", met(zip_bytes < ZIP_AIM_BYTES));
}

/// The peak resident memory of the function's largest process, shared pages included.
fn peak_kb(cloud: &Cloud, function: &str) -> Option<u64> {
    let peak = |process: &Path| -> Option<u64> {
        let status = std::fs::read_to_string(process.join("status")).ok()?;
        // Kilobytes of 1024 bytes, proc_pid_status(5).
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = kibibytes.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1_024 / 1_000)
    };
    processes_of(cloud.aws.endpoint(), function).iter().filter_map(|process| peak(process)).max()
}

fn row(name: &str, measured: &str, aim: &str, verdict: &str) {
    say(format!("{name:26} {measured:>18}  {aim:10} {verdict}").trim_end());
}

fn met(met: bool) -> &'static str {
    if met { "met" } else { "NOT met" }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

/// Several measurements of one thing.
#[derive(Debug, Clone, Copy, Default)]
struct Spread {
    median: Duration,
    fastest: Duration,
    slowest: Duration,
}

impl Spread {
    /// If there are no times, all values are zero.
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |index: usize| times.get(index).copied().unwrap_or_default();
        Self { median: at(times.len() / 2), fastest: at(0), slowest: at(times.len().saturating_sub(1)) }
    }

    fn range(&self) -> String {
        format!("{} - {}", milliseconds(self.fastest), milliseconds(self.slowest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_any_order_and_of_nothing() {
        let times = [3, 1, 9].map(Duration::from_millis).to_vec();
        let spread = Spread::of(times);
        assert_eq!([spread.fastest, spread.median, spread.slowest], [1, 3, 9].map(Duration::from_millis));
        assert_eq!(Spread::of(Vec::new()).median, Duration::ZERO);
    }
}
