//! What a parser made of one input.

use std::error::Error;
use std::fmt::{Debug, Write as _};

/// The longest part of a refusal of words that is judged.
const TYPED_CHARS: usize = 2_000;

/// Everything that a person, a log or another system could see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether the input was refused.
    pub refused: bool,
    /// The errors, each with the chain of its causes. Each of them must name a field.
    pub errors: Vec<String>,
    /// Everything else: what a log may show of the input, and the debug forms of the errors.
    pub text: String,
}

impl Report {
    /// The input was accepted as `what`, which a log may show.
    #[must_use]
    pub fn accepted(what: &impl Debug) -> Self {
        Self { refused: false, errors: Vec::new(), text: format!("{what:?}") }
    }

    /// The input was refused.
    #[must_use]
    pub fn refused(error: &(impl Error + ?Sized)) -> Self {
        let none = Self { refused: true, errors: Vec::new(), text: String::new() };
        none.and_error(error)
    }

    /// The words of a command line were refused, and `text` was printed. Only the first paragraph is judged as an error: the
    /// usage after it names arguments in any case. Its length is not judged, because it quotes what the person has typed.
    #[must_use]
    pub fn usage(text: &str) -> Self {
        let text: String = text.chars().take(TYPED_CHARS).collect();
        let error = text.split("\n\n").next().unwrap_or_default().to_owned();
        Self { refused: true, errors: vec![error], text }
    }

    /// Either of them.
    #[must_use]
    pub fn of<T: Debug, E: Error>(result: &Result<T, E>) -> Self {
        match result {
            Ok(what) => Self::accepted(what),
            Err(error) => Self::refused(error),
        }
    }

    /// The same, with more that is shown.
    #[must_use]
    pub fn and(mut self, more: &impl Debug) -> Self {
        let _ = write!(self.text, "\n{more:?}");
        self
    }

    /// The same, with one more error.
    #[must_use]
    pub fn and_error(mut self, error: &(impl Error + ?Sized)) -> Self {
        let mut chain = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            let _ = write!(chain, ": {cause}");
            next = cause.source();
        }
        self.errors.push(chain);
        self.and(&error)
    }

    /// All of it.
    pub(crate) fn shown(&self) -> String {
        format!("{}\n{}", self.errors.join("\n"), self.text)
    }
}
