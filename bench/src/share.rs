//! The share of a core that Lambda gives a function: a control group with a quota of CPU time, of version 1 or 2.
//!
//! A function with 1,769 MB has one core, and others have their part of it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// The memory with which a function has one whole core.
pub const WHOLE_CORE_MB: u32 = 1_769;
/// The kernel measures the quota in periods of this length. A throttled function waits for the next one.
const PERIOD_US: u64 = 20_000;
/// All groups have this prefix and the id of the process that created them.
const PREFIX: &str = "rotation-bench-";
/// The kernel may need a moment to release a group whose last process has ended.
const RELEASE: Duration = Duration::from_millis(5);
const RELEASES: u32 = 100;

/// The CPU time of one period, in microseconds.
#[must_use]
pub fn quota_us(memory_mb: u32) -> u64 {
    PERIOD_US * u64::from(memory_mb) / u64::from(WHOLE_CORE_MB)
}

/// The part of a core, in percent.
#[must_use]
pub fn percent(memory_mb: u32) -> f64 {
    f64::from(memory_mb) / f64::from(WHOLE_CORE_MB) * 100.0
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// The place for control groups on this machine.
#[derive(Debug)]
pub struct Shares {
    parent: PathBuf,
    version: Version,
    /// Whether the groups below got their quotas from this program, in version 2.
    enabled: bool,
}

/// A control group. It is removed when dropped, after its processes have ended.
#[derive(Debug)]
pub struct Group {
    folder: PathBuf,
}

impl Shares {
    /// Finds a place where this user may create groups with a quota.
    ///
    /// # Errors
    /// When there is none. The message names the reason for each place that was tried.
    pub fn find() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("/proc/self/mounts")?;
        let own = fs::read_to_string("/proc/self/cgroup").context("/proc/self/cgroup")?;
        Self::find_in(&places(&mounts, &own))
    }

    fn find_in(places: &[(Version, PathBuf)]) -> Result<Self> {
        let mut reasons = Vec::new();
        for (version, parent) in places {
            match Self::open(*version, parent) {
                Ok(shares) => return Ok(shares),
                Err(error) => reasons.push(format!("{}: {error:#}", parent.display())),
            }
        }
        match reasons.as_slice() {
            [] => bail!("no file system of control groups with the controller `cpu` is mounted"),
            reasons => bail!("{}", reasons.join("; ")),
        }
    }

    fn open(version: Version, parent: &Path) -> Result<Self> {
        remove_what_was_left(parent);
        let enabled = version == Version::V2 && enable(parent)?;
        let shares = Self { parent: parent.to_owned(), version, enabled };
        // This one shows whether a group can be made. It is removed at once.
        shares.group(WHOLE_CORE_MB).map(drop)?;
        Ok(shares)
    }

    /// The version and what a function with 128 MB gets, for the report.
    #[must_use]
    pub fn description(&self) -> String {
        let version = match self.version {
            Version::V1 => 1,
            Version::V2 => 2,
        };
        format!("control group of version {version}, {} of {PERIOD_US} µs with 128 MB", quota_us(128))
    }

    /// A new group with the share of a function with this memory.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn group(&self, memory_mb: u32) -> Result<Group> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = self.parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir(&folder).context("no group can be created")?;
        let group = Group { folder };
        let quota = quota_us(memory_mb);
        match self.version {
            // The quota must fit into the period at every moment.
            Version::V1 => {
                group.write("cpu.cfs_period_us", &PERIOD_US.to_string())?;
                group.write("cpu.cfs_quota_us", &quota.to_string())?;
            }
            Version::V2 => group.write("cpu.max", &format!("{quota} {PERIOD_US}"))?,
        }
        Ok(group)
    }
}

impl Drop for Shares {
    fn drop(&mut self) {
        if self.enabled {
            // As it was before. If other groups need it now, the kernel refuses.
            let _ = fs::write(self.parent.join("cgroup.subtree_control"), "-cpu");
        }
    }
}

impl Group {
    /// Moves a process with all its threads into the group.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn admit(&self, process: u32) -> Result<()> {
        self.write("cgroup.procs", &process.to_string())
    }

    fn write(&self, file: &str, value: &str) -> Result<()> {
        let path = self.folder.join(file);
        fs::write(&path, value).with_context(|| format!("{} does not take {value}", path.display()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..RELEASES {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => std::thread::sleep(RELEASE),
                // The next run tries again.
                Ok(()) | Err(_) => return,
            }
        }
    }
}

/// Where groups may be created, the most likely place first. `mounts` and `own` are the texts of `/proc/self/mounts` and
/// `/proc/self/cgroup`, cgroups(7).
fn places(mounts: &str, own: &str) -> Vec<(Version, PathBuf)> {
    let mut places = Vec::new();
    for mount in mounts.lines() {
        let mut fields = mount.split(' ').skip(1);
        let (Some(folder), Some(kind), Some(options)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let folder = Path::new(folder);
        if kind == "cgroup" && options.split(',').any(|option| option == "cpu") {
            let path = own_path(own, |controllers| controllers.split(',').any(|name| name == "cpu"));
            places.extend(path.map(|path| (Version::V1, folder.join(path))));
            places.push((Version::V1, folder.to_owned()));
        } else if kind == "cgroup2" {
            // A group that has processes of its own gives its groups no quota. So the groups above are tried, too.
            let own = folder.join(own_path(own, str::is_empty).unwrap_or_default());
            let above = own.ancestors().take_while(|above| above.starts_with(folder));
            places.extend(above.map(|above| (Version::V2, above.to_owned())));
        }
    }
    places.dedup();
    places
}

/// The path of a line such as `1:cpu,cpuacct:/user` whose controllers are `wanted`, without its first slash.
fn own_path(own: &str, wanted: impl Fn(&str) -> bool) -> Option<&str> {
    own.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        wanted(controllers).then(|| path.trim_start_matches('/'))
    })
}

/// Enables quotas for the groups below `parent`, in version 2. Returns whether they were not enabled before.
fn enable(parent: &Path) -> Result<bool> {
    let has_cpu = |file: &str| -> Result<bool> {
        let names = fs::read_to_string(parent.join(file)).with_context(|| file.to_owned())?;
        Ok(names.split_whitespace().any(|name| name == "cpu"))
    };
    if !has_cpu("cgroup.controllers")? {
        bail!("it has no controller `cpu`");
    }
    if has_cpu("cgroup.subtree_control")? {
        return Ok(false);
    }
    fs::write(parent.join("cgroup.subtree_control"), "+cpu").context("`cpu` cannot be enabled below it")?;
    Ok(true)
}

/// Removes the groups of runs that were killed.
fn remove_what_was_left(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
