//! The CPU time of each part of the testbed, and the memory of secret2eks: a thread reads `/proc` every second, so what a
//! process has used before it ended counts, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use testbed::cloud::Cloud;

use crate::process::peak_kb_in;
use crate::storm::load::busy_ticks;

const EVERY: Duration = Duration::from_secs(1);
/// Linux counts CPU time in hundredths of a second for every program (`USER_HZ`), proc(5).
const MS_OF_A_TICK: u64 = 10;

/// A part of the testbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Secret2Eks,
    OtherFunctions,
    Emulator,
    ApiServer,
    Etcd,
    Operator,
    GarbageCollector,
    TokenWebhook,
    Bench,
}

impl Part {
    /// As in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret2Eks => "secret2eks",
            Self::OtherFunctions => "the other functions",
            Self::Emulator => "the AWS emulator",
            Self::ApiServer => "the API server",
            Self::Etcd => "etcd",
            Self::Operator => "External Secrets Operator",
            Self::GarbageCollector => "the garbage collector",
            Self::TokenWebhook => "the token webhook",
            Self::Bench => "this command",
        }
    }
}

/// How the parts are recognised.
#[derive(Debug)]
struct Place {
    endpoint: String,
    port: String,
    cluster: String,
    function: String,
}

/// What was seen up to now.
#[derive(Debug, Default)]
struct Seen {
    /// By process id and the time of its start.
    processes: BTreeMap<(u32, u64), (Part, u64)>,
    peak_kb: u64,
    most_processes: usize,
}

/// Reads on until it is dropped.
pub struct Usage {
    place: Arc<Place>,
    seen: Arc<Mutex<Seen>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The CPU time up to a moment, in ticks.
pub struct Totals {
    at: Instant,
    machine: u64,
    parts: BTreeMap<Part, u64>,
}

/// The CPU time between two moments.
pub struct Used {
    pub time_ms: u64,
    pub machine_ms: u64,
    pub parts: BTreeMap<Part, u64>,
}

impl Usage {
    pub fn start(cloud: &Cloud) -> Result<Self> {
        let endpoint = cloud.aws.endpoint().to_owned();
        let port = endpoint.rsplit(':').next().unwrap_or_default().to_owned();
        let cluster = cloud.kubernetes()?.folder().display().to_string();
        let function = cloud.delivery_function()?.to_owned();
        let place = Arc::new(Place { endpoint, port, cluster, function });
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (stop, stopped) = channel();
        let (of_thread, known) = (Arc::clone(&seen), Arc::clone(&place));
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                look(&of_thread, &known);
            }
        });
        Ok(Self { place, seen, stop: Some(stop), thread: Some(thread) })
    }

    pub fn now(&self) -> Result<Totals> {
        look(&self.seen, &self.place);
        let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
        let machine = busy_ticks(&stat).context("/proc/stat has no line of all cores")?;
        let mut parts: BTreeMap<Part, u64> = BTreeMap::new();
        for (part, ticks) in locked(&self.seen).processes.values() {
            *parts.entry(*part).or_default() += ticks;
        }
        Ok(Totals { at: Instant::now(), machine, parts })
    }

    /// The peak resident memory of the largest process of secret2eks, shared pages included.
    pub fn peak_kb(&self) -> u64 {
        locked(&self.seen).peak_kb
    }

    /// The most processes of secret2eks at once.
    pub fn most_processes(&self) -> usize {
        locked(&self.seen).most_processes
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and there is nothing to do if it did.
            let _ = thread.join();
        }
    }
}

impl Totals {
    pub fn since(&self, earlier: &Self) -> Used {
        let more = |(part, ticks): (&Part, &u64)| {
            let before = earlier.parts.get(part).copied().unwrap_or_default();
            (*part, ticks.saturating_sub(before) * MS_OF_A_TICK)
        };
        let time = self.at.duration_since(earlier.at);
        Used {
            time_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            machine_ms: self.machine.saturating_sub(earlier.machine) * MS_OF_A_TICK,
            parts: self.parts.iter().map(more).collect(),
        }
    }
}

/// Nothing panics while it holds the lock.
fn locked(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads all processes once.
fn look(seen: &Mutex<Seen>, place: &Place) {
    let mut seen = locked(seen);
    let mut present = 0;
    for folder in std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path()) {
        let id = folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        let stat = || stat_in(&std::fs::read_to_string(folder.join("stat")).ok()?);
        // A process may end at any time.
        let Some((id, (ticks, start))) = id.and_then(|id| Some((id, stat()?))) else { continue };
        let known = seen.processes.get(&(id, start)).map(|(part, _)| *part);
        let Some(part) = known.or_else(|| part_of(&folder, id, place)) else { continue };
        seen.processes.insert((id, start), (part, ticks));
        if part == Part::Secret2Eks {
            present += 1;
            let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
            seen.peak_kb = seen.peak_kb.max(peak_kb_in(&status).unwrap_or_default());
        }
    }
    seen.most_processes = seen.most_processes.max(present);
}

/// `utime` with `stime`, and `starttime`, `proc_pid_stat(5)`.
fn stat_in(stat: &str) -> Option<(u64, u64)> {
    // The name before it may contain spaces.
    let (_, after_the_name) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = after_the_name.split_whitespace().collect();
    let field = |number: usize| fields.get(number)?.parse::<u64>().ok();
    Some((field(11)? + field(12)?, field(19)?))
}

fn part_of(folder: &Path, id: u32, place: &Place) -> Option<Part> {
    if id == std::process::id() {
        return Some(Part::Bench);
    }
    let read = |file: &str| {
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    classify(&read("cmdline"), &read("environ"), place)
}

/// The part, from the arguments and the variables of a process, each ended by a zero.
fn classify(arguments: &str, variables: &str, place: &Place) -> Option<Part> {
    let has = |name: &str, value: &str| variables.split('\0').any(|entry| entry == format!("{name}={value}"));
    if has("GATEWAY_PORT", &place.port) {
        return Some(Part::Emulator);
    }
    if has("AWS_ENDPOINT_URL", &place.endpoint) && variables.contains("AWS_LAMBDA_FUNCTION_NAME=") {
        let is_it = has("AWS_LAMBDA_FUNCTION_NAME", &place.function);
        // The processes of `alone` are measured by themselves.
        let is_deployed = !has("AWS_LAMBDA_LOG_STREAM_NAME", "bench");
        return is_deployed.then_some(if is_it { Part::Secret2Eks } else { Part::OtherFunctions });
    }
    let is_own = |text: &str| text.contains(&place.cluster) || text.contains(&place.endpoint);
    let program = PathBuf::from(arguments.split('\0').next()?);
    let part = match program.file_name()?.to_str()? {
        "kube-apiserver" => Part::ApiServer,
        "etcd" => Part::Etcd,
        "external-secrets" => Part::Operator,
        "kube-controller-manager" => Part::GarbageCollector,
        "token-webhook" => Part::TokenWebhook,
        _ => return None,
    };
    (is_own(arguments) || is_own(variables)).then_some(part)
}

#[cfg(test)]
mod tests;
