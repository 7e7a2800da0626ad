//! Runs a child process: with its output on the terminal, or quietly with a counter of seconds.

use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// The interval of progress lines if standard error is not a terminal.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// The number of lines to show after a failure, enough for the errors of a compiler.
const TAIL_LINES: usize = 80;

static SEVERAL_AT_ONCE: AtomicBool = AtomicBool::new(false);

/// Stops the redrawing of lines, because the lines of parallel children would overwrite each other.
pub fn several_at_once() {
    SEVERAL_AT_ONCE.store(true, Ordering::Relaxed);
}

/// Runs `command` with its output in a log. If it fails, shows the end of the log and `next`, the advice for the user.
///
/// # Errors
/// When the program cannot be started or does not end with success.
pub fn quiet(what: &str, command: &mut Command, next: &str) -> Result<()> {
    logged(what, None, command, next)
}

/// Like [`quiet`], for long work: the progress line shows the remaining time. `usual` is the whole time on two cores.
///
/// # Errors
/// As [`quiet`].
pub fn long(what: &str, usual: Duration, command: &mut Command, next: &str) -> Result<()> {
    logged(what, Some(usual), command, next)
}

fn logged(what: &str, usual: Option<Duration>, command: &mut Command, next: &str) -> Result<()> {
    let log = log_file(what)?;
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let started = Instant::now();
    let status = watch(what, usual, command, started)?;
    let seconds = started.elapsed().as_secs_f32();
    if status.success() {
        finish_line(&format!("  ok      {what} ({seconds:.1} s)"));
        return Ok(());
    }
    finish_line(&format!("  FAILED  {what} ({seconds:.1} s)"));
    eprintln!("{}", tail(&log));
    bail!("{what}: {status}\n  its output: {}\n  next: {next}", log.display());
}

/// Runs `command` with its output on the terminal.
///
/// # Errors
/// When the program cannot be started or does not end with success.
pub fn shown(what: &str, command: &mut Command, next: &str) -> Result<()> {
    eprintln!("  ...     {what}");
    let started = Instant::now();
    let status = command.status().with_context(|| not_started(command))?;
    let seconds = started.elapsed().as_secs_f32();
    if status.success() {
        eprintln!("  ok      {what} ({seconds:.1} s)");
        return Ok(());
    }
    eprintln!("  FAILED  {what} ({seconds:.1} s)");
    bail!("{what}: {status}\n  next: {next}");
}

/// Replaces this process with `command`, so that the user gets its exit code and it gets the user's signals.
///
/// # Errors
/// Only when the program cannot be started.
pub fn become_it(command: &mut Command) -> Result<()> {
    let error = command.exec();
    Err(error).with_context(|| not_started(command))
}

fn watch(what: &str, usual: Option<Duration>, command: &mut Command, started: Instant) -> Result<ExitStatus> {
    let mut child = command.spawn().with_context(|| not_started(command))?;
    let terminal = redraws();
    let mut last_sign = started;
    if !terminal {
        eprintln!("  ...     {what}{}", left(Duration::ZERO, usual));
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if terminal {
            let elapsed = started.elapsed();
            eprint!("\r\x1b[K  {:>4} s  {what}{}", elapsed.as_secs(), left(elapsed, usual));
            std::io::stderr().flush()?;
        } else if last_sign.elapsed() >= SIGN_OF_LIFE {
            last_sign = Instant::now();
            let elapsed = started.elapsed();
            eprintln!("  {:>4} s  {what}{}", elapsed.as_secs(), left(elapsed, usual));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The remaining time in the progress line, on two cores.
fn left(elapsed: Duration, usual: Option<Duration>) -> String {
    let Some(usual) = usual else { return String::new() };
    match usual.saturating_sub(elapsed).as_secs() {
        0 => ": takes longer than usual".to_owned(),
        seconds @ 1..90 => format!(": about {seconds} s left"),
        seconds => format!(": about {} min left", (seconds + 30) / 60),
    }
}

fn redraws() -> bool {
    std::io::stderr().is_terminal() && !SEVERAL_AT_ONCE.load(Ordering::Relaxed)
}

fn finish_line(line: &str) {
    if redraws() {
        eprint!("\r\x1b[K");
    }
    eprintln!("{line}");
}

fn not_started(command: &Command) -> String {
    format!("cannot start {}", command.get_program().to_string_lossy())
}

fn log_file(what: &str) -> Result<PathBuf> {
    let folder = workspace::target().join("xtask-logs");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let name: String = what.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Ok(folder.join(format!("{name}.log")))
}

fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    let shown = lines.get(skipped..).unwrap_or_default().join("\n");
    if skipped == 0 { shown } else { format!("[{skipped} lines before]\n{shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_line_says_how_long_is_left() {
        let usual = Some(Duration::from_mins(4));
        for (elapsed, usual, expected) in [
            (0, None, ""),
            (0, usual, ": about 4 min left"),
            (155, usual, ": about 85 s left"),
            (145, usual, ": about 2 min left"),
            (240, usual, ": takes longer than usual"),
            (999, usual, ": takes longer than usual"),
        ] {
            assert_eq!(left(Duration::from_secs(elapsed), usual), expected, "{elapsed}");
        }
    }
}
