//! Standard output: its width, its colours, and text from outside, which must have no effect there.

pub mod markdown;
pub mod table;
pub mod text;
pub mod time;

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::arguments::{Color, Options};
use crate::context::Surroundings;

/// Standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// The width of the terminal. None if it is no terminal: lines are not cut or wrapped then.
    pub width: Option<usize>,
    /// Whether colours are used.
    pub has_colour: bool,
}

/// How a word is shown. The words themselves always say the same, so nothing is lost without colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    #[default]
    Plain,
    /// A heading.
    Bold,
    /// Less important.
    Dim,
    /// All is well.
    Good,
    /// Not yet broken.
    Warning,
    /// Broken.
    Bad,
}

impl Screen {
    /// The standard output of this process.
    #[must_use]
    pub fn of(options: &Options, surroundings: Surroundings) -> Self {
        let stdout = std::io::stdout();
        let size = || terminal_size::terminal_size_of(&stdout).map_or(80, |(width, _)| usize::from(width.0));
        let is_terminal = stdout.is_terminal();
        let set = |name: &str| (surroundings.variable)(name).filter(|value| !value.is_empty());
        let by_default =
            is_terminal && set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb");
        let has_colour = match options.color {
            Color::Auto => by_default,
            Color::Always => true,
            Color::Never => false,
        };
        Self { width: is_terminal.then(size).filter(|width| *width > 0), has_colour }
    }

    /// The text in a style.
    #[must_use]
    pub fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Plain => return text.to_owned(),
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Warning => "33",
            Style::Bad => "1;31",
        };
        if self.has_colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Writes a line or lines. A closed pipe (`| head`) is no failure.
    pub fn say(&self, text: &str) {
        let mut stdout = std::io::stdout();
        let _ = writeln!(stdout, "{text}");
        let _ = stdout.flush();
    }

    /// Writes one JSON document.
    pub fn json(&self, value: &impl Serialize) -> crate::Result<()> {
        self.say(&serde_json::to_string_pretty(value)?);
        Ok(())
    }
}
