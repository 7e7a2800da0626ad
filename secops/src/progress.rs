//! What is going on, on standard error: one line that changes on a terminal, and plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Surroundings;
use crate::screen::text::cut_to_width;

/// Shorter waits are not worth a line.
const SILENT: Duration = Duration::from_secs(1);

/// What is going on.
#[derive(Debug)]
pub struct Progress {
    /// The width of the terminal; none if standard error is no terminal.
    width: Option<usize>,
    /// The line on the terminal, or the last plain line.
    shown: Mutex<String>,
}

impl Progress {
    /// For the standard error of this process.
    #[must_use]
    pub fn of(surroundings: Surroundings) -> Self {
        let stderr = std::io::stderr();
        let is_dumb = (surroundings.variable)("TERM").is_none_or(|term| term == "dumb");
        let size = || terminal_size::terminal_size_of(&stderr).map_or(80, |(width, _)| usize::from(width.0));
        let width = (stderr.is_terminal() && !is_dumb).then(size);
        Self { width, shown: Mutex::default() }
    }

    /// Waits for `work`. If that takes more than a second, `what` is shown with the time that has passed.
    pub async fn during<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let (mut work, began) = (pin!(work), Instant::now());
        loop {
            tokio::select! {
                done = &mut work => {
                    self.clear();
                    return done;
                }
                () = tokio::time::sleep(SILENT) => self.show(what, began.elapsed()),
            }
        }
    }

    /// Shows what is going on, for so long already.
    pub fn show(&self, what: &str, since: Duration) {
        let mut stderr = std::io::stderr();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(width) = self.width {
            let line = cut_to_width(&format!("... {what} ({} s)", since.as_secs()), width.saturating_sub(1));
            let _ = write!(stderr, "\r\x1b[K{line}");
            let _ = stderr.flush();
            *shown = line;
        } else if *shown != what {
            let _ = writeln!(stderr, "... {what}");
            what.clone_into(&mut shown);
        }
    }

    /// Removes the line from the terminal, so that something else can be written.
    pub fn clear(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if self.width.is_some() && !shown.is_empty() {
            let mut stderr = std::io::stderr();
            let _ = write!(stderr, "\r\x1b[K");
            let _ = stderr.flush();
            shown.clear();
        }
    }
}
