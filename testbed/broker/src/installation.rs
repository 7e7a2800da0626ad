//! RabbitMQ's files of one Debian suite, extracted from its packages without installation.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use sandbox::process::{Options, Process, find_program};

use super::apt_sources::debian_mirror;
use super::suite::Suite;

/// The variable with a root folder that contains RabbitMQ (`/` if it is installed). If set, nothing is extracted.
pub const ROOT_VARIABLE: &str = "RABBITMQ_ROOT";

/// The packages that a node needs to run, without Recommends (python, logrotate, ...).
const PACKAGES: &str = "--include=rabbitmq-server,base-files,dash,coreutils,sed,grep,libc-bin";
const SERVER: &str = "usr/lib/rabbitmq/bin/rabbitmq-server";

/// A root folder with RabbitMQ and its dependencies.
#[derive(Debug, Clone)]
pub struct Installation {
    root: PathBuf,
}

impl Installation {
    /// Extracts the suite's RabbitMQ below `tools`, unless that is done. If `RABBITMQ_ROOT` is set, it is used instead.
    ///
    /// If several processes call this at the same time, one extracts and the others wait. The folder appears complete.
    ///
    /// # Errors
    /// When mmdebstrap or bubblewrap is missing, no Debian mirror is known, or the extraction fails.
    pub fn prepare(suite: Suite, tools: &Path, progress: &dyn Fn(&str)) -> Result<Self> {
        if let Some(root) = std::env::var_os(ROOT_VARIABLE) {
            require_programs(&[("bwrap", "bubblewrap")])?;
            let root = std::path::absolute(&root)?;
            ensure!(root.join(SERVER).is_file(), "{ROOT_VARIABLE}: {} has no {SERVER}", root.display());
            return Ok(Self { root });
        }
        require_programs(&[("bwrap", "bubblewrap"), ("mmdebstrap", "mmdebstrap")])?;
        let folder = std::path::absolute(tools)?.join("rabbitmq");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let root = folder.join(suite.name());
        let lock = File::create(folder.join(format!("{suite}.lock")))?;
        // The lock is released when the file closes, however this process ends.
        lock.lock()?;
        if !root.join(SERVER).is_file() {
            progress(&format!("extracting RabbitMQ of Debian {suite} (about 10 s, 55 MB to download)"));
            extract(suite, &folder, &root)?;
        }
        Ok(Self { root })
    }

    /// The root folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Starts a bwrap command line that mounts the root's programs at their usual paths.
    ///
    /// Suites with merged `/usr` have links for `/bin` and the like. Older suites have folders.
    pub(super) fn bwrap(&self) -> Result<Command> {
        let mut command = Command::new(find_program("bwrap").context("bwrap is not in PATH")?);
        command
            .args(["--unshare-pid", "--die-with-parent", "--ro-bind"])
            .arg(self.root.join("usr"))
            .arg("/usr");
        for name in ["bin", "lib", "lib64", "sbin"] {
            let inside = Path::new("/").join(name);
            match std::fs::read_link(self.root.join(name)) {
                Ok(target) => command.arg("--symlink").arg(target).arg(inside),
                Err(_) => command.arg("--ro-bind-try").arg(self.root.join(name)).arg(inside),
            };
        }
        Ok(command)
    }
}

fn require_programs(programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|(program, _)| find_program(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        bail!(
            "a private RabbitMQ needs Debian packages that are missing: apt-get install {}",
            missing.join(" ")
        );
    }
    Ok(())
}

/// Extracts beside `root`, then renames. First it removes the files of an interrupted attempt. That attempt has ended
/// with its namespace, and the caller holds the lock.
fn extract(suite: Suite, folder: &Path, root: &Path) -> Result<()> {
    let mirror = debian_mirror(Path::new("/etc/apt"))?;
    let partial = folder.join(format!("{suite}.partial"));
    for leftover in [partial.as_path(), root] {
        if leftover.exists() {
            std::fs::remove_dir_all(leftover)
                .with_context(|| format!("cannot remove {}", leftover.display()))?;
        }
    }
    let mut command = Command::new("mmdebstrap");
    // An index of forky may have expired. Its signature is still verified.
    command.args(["--mode=chrootless", "--variant=extract", PACKAGES]);
    command.args([
        "--aptopt=APT::Install-Recommends \"false\"",
        "--aptopt=Acquire::Check-Valid-Until \"false\"",
    ]);
    command.arg(suite.name()).arg(&partial).arg(mirror);
    let log = folder.join(format!("{suite}.log"));
    let _ = std::fs::remove_file(&log);
    let options = Options { own_pid_namespace: true, ..Options::default() };
    let mut mmdebstrap = Process::start_with("mmdebstrap", &command, &log, options)?;
    let status = mmdebstrap.wait()?;
    if !status.success() {
        bail!("mmdebstrap ended with {status}; its log ends:\n{}", mmdebstrap.log_tail());
    }
    ensure!(partial.join(SERVER).is_file(), "the packages of {suite} have no {SERVER}");
    std::fs::rename(&partial, root).with_context(|| format!("cannot rename {}", partial.display()))
}

/// `name=value` as one argument of `env`.
pub(super) fn assignment(name: &str, value: impl AsRef<OsStr>) -> std::ffi::OsString {
    let mut assignment = std::ffi::OsString::from(name);
    assignment.push("=");
    assignment.push(value);
    assignment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_are_answered_with_the_packages_to_install() {
        let error =
            require_programs(&[("sh", "dash"), ("no-such-a", "package-a"), ("no-such-b", "package-b")]);
        let error = error.map_err(|error| error.to_string()).err().unwrap_or_default();
        assert!(error.ends_with("apt-get install package-a package-b"), "{error}");
    }
}
