//! What a parser made of one input.

use std::error::Error;
use std::fmt::{Debug, Write as _};

/// Everything that a person, a log or another system could see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whether the input was refused. Then the text has the name of a field.
    pub refused: bool,
    /// The text.
    pub text: String,
}

impl Said {
    /// The input was accepted as `what`, which a log may show.
    #[must_use]
    pub fn accepted(what: &impl Debug) -> Self {
        Self { refused: false, text: format!("{what:?}") }
    }

    /// The input was refused, with the chain of causes and the debug form of the error.
    #[must_use]
    pub fn refused(error: &(impl Error + ?Sized)) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            let _ = write!(text, ": {cause}");
            next = cause.source();
        }
        let _ = write!(text, "\n{error:?}");
        Self { refused: true, text }
    }

    /// Either of them.
    #[must_use]
    pub fn of<T: Debug, E: Error>(result: &Result<T, E>) -> Self {
        match result {
            Ok(what) => Self::accepted(what),
            Err(error) => Self::refused(error),
        }
    }

    /// The same without the debug form of something public. An input may have a credential where a public text belongs.
    #[must_use]
    pub fn without(mut self, public: &impl Debug) -> Self {
        self.text = self.text.replace(&format!("{public:?}"), "_");
        self
    }

    /// The same, with more that is shown.
    #[must_use]
    pub fn and(mut self, more: &impl Debug) -> Self {
        let _ = write!(self.text, "\n{more:?}");
        self
    }
}
