//! The question before a command changes something.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use crate::outcome::{Problem, Result};
use crate::screen::text::wrap;
use crate::screen::{Screen, Style};

/// What a command will do, and whether it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What it is about, in one line.
    pub title: String,
    /// What the command will do, in its order.
    pub steps: Vec<String>,
    /// What may go wrong for whom, and how to undo it.
    pub notes: Vec<String>,
}

impl Question {
    /// Shows it, and asks on the terminal. With `yes`, it does not ask. An error if the answer is another one than yes, or if
    /// nobody can be asked.
    pub async fn ask(&self, yes: bool, screen: &Screen) -> Result<()> {
        let mut text = format!("{}\n", screen.paint(Style::Bold, &self.title));
        let width = screen.width.unwrap_or(usize::MAX);
        for (number, step) in self.steps.iter().enumerate() {
            let lines = wrap(step, width.saturating_sub(5)).join("\n     ");
            let _ = writeln!(text, "  {}. {lines}", number + 1);
        }
        for note in &self.notes {
            let _ = writeln!(text, "{}", wrap(note, width).join("\n"));
        }
        // Standard output holds the result alone.
        let mut stderr = std::io::stderr();
        let _ = stderr.write_all(text.as_bytes());
        if yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() || !stderr.is_terminal() {
            return Err(Problem::usage("nothing was done: without a terminal, only --yes permits this"));
        }
        let _ = write!(stderr, "Continue? [y/N] ");
        let _ = stderr.flush();
        let read = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        let line = read.await??;
        if ["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str()) {
            return Ok(());
        }
        Err(Problem::failed("nothing was done"))
    }
}
