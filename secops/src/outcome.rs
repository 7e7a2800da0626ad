//! How a command ends: its exit code, and the errors that have one of their own.

use std::process::ExitCode;

use crate::aws::AwsError;

/// The result of a command. An error ends it with the exit code of [`code_of`].
pub type Result<T, E = anyhow::Error> = std::result::Result<T, E>;

/// The exit code after Ctrl-C, as shells report it.
pub const INTERRUPTED: u8 = 130;

/// How a command ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Well,
    /// It failed, or something needs a person. The command has shown what.
    NeedsPerson,
}

/// An error that is not one of AWS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The command was called in a wrong way. Nothing was done.
    #[error("{0}")]
    Usage(String),
    /// The command could not be finished.
    #[error("{0}")]
    Failed(String),
}

impl Problem {
    /// A wrong call.
    pub fn usage(words: impl Into<String>) -> anyhow::Error {
        Self::Usage(words.into()).into()
    }

    /// A failure.
    pub fn failed(words: impl Into<String>) -> anyhow::Error {
        Self::Failed(words.into()).into()
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Well => Self::SUCCESS,
            Outcome::NeedsPerson => Self::from(1),
        }
    }
}

/// The exit code of an error.
#[must_use]
pub fn code_of(error: &anyhow::Error) -> u8 {
    if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(Problem::Usage(_)))) {
        return 2;
    }
    let is_refused = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref().is_some_and(AwsError::is_about_identity)
    };
    if error.chain().any(is_refused) { 3 } else { 1 }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn each_kind_of_error_has_its_exit_code() {
        let refused = |code: &str| AwsError::Refused {
            service: "Lambda",
            operation: "Invoke",
            code: code.to_owned(),
            message: String::new(),
        };
        let wrapped = |error: AwsError| Err::<(), _>(error).context("no secret").unwrap_err();
        for (error, expected) in [
            (Problem::usage("no terminal"), 2),
            (Problem::failed("the rotation failed"), 1),
            (wrapped(refused("AccessDeniedException")), 3),
            (wrapped(refused("ExpiredTokenException")), 3),
            (wrapped(refused("ResourceNotFoundException")), 1),
            (wrapped(AwsError::NoCredentials { reason: "the profile is unknown".to_owned() }), 3),
        ] {
            assert_eq!(code_of(&error), expected, "{error:#}");
        }
    }
}
