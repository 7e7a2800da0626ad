//! Child processes that never outlive the testbed.
//!
//! Each child runs under `setpriv --pdeathsig KILL` (util-linux), so it ends when this process is killed. `Drop` kills
//! and reaps it. The kernel sends that signal when the *thread* that spawned the child ends. Therefore one thread, which
//! lives as long as the process, spawns every child (prctl(2), `PR_SET_PDEATHSIG`).
//! Only the child itself receives the signal. A child with its own children needs [`Options::own_pid_namespace`], with
//! which the kernel ends them all (`pid_namespaces(7)`).

mod signals;
mod spawner;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use self::spawner::spawn_on_the_lasting_thread;
pub use crate::ports::free_ports;

const POLL: Duration = Duration::from_millis(25);
/// How long the kernel may take to end a namespace whose first process was killed.
const NAMESPACE_END: Duration = Duration::from_secs(5);

/// A running child process. It is killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    stop_pipe: Option<ChildStdin>,
}

/// Options for the start of a child.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Pass only the variables that the command itself sets. (`Command::env_clear` does not help, because a caller
    /// cannot read it from the command.)
    pub clean_environment: bool,
    /// The child's descendants end with it. The program sees its own process ids, and needs bubblewrap.
    pub own_pid_namespace: bool,
    /// The child's standard input is a pipe. Its end asks the child to stop cleanly. Otherwise, standard input is empty.
    pub stop_pipe: bool,
}

impl Process {
    /// Starts `command`, appends its output to `log`, and guarantees its end.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn start(name: &str, command: &Command, log: &Path) -> Result<Self> {
        Self::start_with(name, command, log, Options::default())
    }

    /// As [`Process::start`], with options.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn start_with(name: &str, command: &Command, log: &Path, options: Options) -> Result<Self> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        let mut wrapped = wrap(command, options)?;
        wrapped.stdin(if options.stop_pipe { Stdio::piped() } else { Stdio::null() });
        wrapped.stdout(output.try_clone()?).stderr(output);
        let mut child =
            spawn_on_the_lasting_thread(wrapped).with_context(|| format!("cannot start {name}"))?;
        let stop_pipe = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, log: log.to_owned(), stop_pipe })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file with the process's output.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until `ready` returns true, at most `limit`. Fails at once if the process has ended.
    ///
    /// # Errors
    /// When the process ended or was not ready in time. The message contains the end of its log.
    pub async fn wait_until<F, Fut>(&mut self, limit: Duration, mut ready: F) -> Result<()>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        let started = Instant::now();
        while !ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}; its log ends:\n{}", self.name, self.log_tail());
            }
            if started.elapsed() > limit {
                bail!("{} was not ready after {limit:?}; its log ends:\n{}", self.name, self.log_tail());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits for the process to end by itself.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// Closes the stop pipe of the process, which asks it to stop. Kills it if it has not stopped within `limit`.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub async fn stop(&mut self, limit: Duration) -> Result<()> {
        let asked = Instant::now();
        if self.stop_pipe.take().is_some() {
            while self.child.try_wait()?.is_none() && asked.elapsed() < limit {
                tokio::time::sleep(POLL).await;
            }
        }
        self.kill();
        Ok(())
    }

    /// The last 40 lines of the log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
    }

    /// Kills the process, and waits for the end of the process and its namespace.
    pub fn kill(&mut self) {
        let inside =
            if matches!(self.child.try_wait(), Ok(None)) { children_of(self.id()) } else { Vec::new() };
        // An error here means that it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let killed = Instant::now();
        while inside.iter().any(|id| is_running(*id)) && killed.elapsed() < NAMESPACE_END {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The path of `program` in PATH, if it is there.
#[must_use]
pub fn find_program(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Wraps `command` for a thread that runs it and waits for it. The kernel kills the command when that thread ends, so
/// also when this process is killed. The caller sets the streams on the returned command.
///
/// # Errors
/// When `setpriv` is missing.
pub fn ends_with_its_thread(command: &Command) -> Result<Command> {
    wrap(command, Options::default())
}

fn wrap(command: &Command, options: Options) -> Result<Command> {
    let mut wrapped =
        Command::new(find_program("setpriv").context("setpriv (package util-linux) is not in PATH")?);
    wrapped.args(["--pdeathsig", "KILL", "--"]);
    if options.own_pid_namespace {
        let bwrap = find_program("bwrap").context("bwrap (package bubblewrap) is not in PATH")?;
        wrapped.arg(bwrap).args([
            "--unshare-pid",
            "--die-with-parent",
            "--dev-bind",
            "/",
            "/",
            "--proc",
            "/proc",
            "--",
        ]);
    }
    wrapped.arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    if options.clean_environment {
        wrapped.env_clear();
    }
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(key, value),
            None => wrapped.env_remove(key),
        };
    }
    Ok(wrapped)
}

/// The direct children of a process. The child of a bwrap is the first process of the namespace. The kernel releases it
/// only after all others of the namespace (`proc_pid_task(5)`, `pid_namespaces(7)`).
fn children_of(id: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

fn is_running(id: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // A zombie has released everything except its exit status. The state follows the last `)`.
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_command_that_ends_with_its_thread_is_killed_when_the_thread_ends() -> Result<()> {
        let (finish, finished) = mpsc::channel::<()>();
        let (told, child) = mpsc::channel();
        let thread = std::thread::spawn(move || -> Result<()> {
            told.send(ends_with_its_thread(Command::new("sleep").arg("60"))?.spawn()?)?;
            // The call returns an error when the other side is dropped.
            let _ = finished.recv();
            Ok(())
        });
        let mut child = child.recv()?;
        // setpriv requests the signal before it executes the program.
        while std::fs::read_to_string(format!("/proc/{}/comm", child.id()))? != "sleep\n" {
            std::thread::sleep(POLL);
        }
        assert_eq!(child.try_wait()?, None);
        drop(finish);
        assert!(thread.join().is_ok_and(|ended| ended.is_ok()));
        assert_eq!(child.wait()?.signal(), Some(9));
        Ok(())
    }
}
