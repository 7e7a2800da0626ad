//! What a row's question was answered, and how a row tells a contradiction from a call that failed.

use anyhow::{Error, Result, bail};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

/// The answer of one judge to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The row is right. For what AWS does not publish, what was seen.
    Confirmed(Option<String>),
    /// The row is wrong for this judge, and why.
    Contradicted(String),
    /// The question could not be asked or answered, and why.
    Unknown(String),
}

/// The row is right.
///
/// # Errors
/// Never: it is the end of a row.
pub fn confirmed() -> Result<Verdict> {
    Ok(Verdict::Confirmed(None))
}

/// The row is right, and this was seen of what AWS does not publish.
///
/// # Errors
/// Never: it is the end of a row.
pub fn observed(what: impl Into<String>) -> Result<Verdict> {
    Ok(Verdict::Confirmed(Some(what.into())))
}

/// The row could not be decided.
///
/// # Errors
/// Never: it is the end of a row.
pub fn undecided(why: impl Into<String>) -> Result<Verdict> {
    Ok(Verdict::Unknown(why.into()))
}

impl Verdict {
    /// For a test: everything but a confirmation is an error.
    ///
    /// # Errors
    /// When the row is not confirmed.
    pub fn must_hold(self) -> Result<()> {
        match self {
            Self::Confirmed(_) => Ok(()),
            Self::Contradicted(why) | Self::Unknown(why) => bail!("{why}"),
        }
    }

    /// The verdict of a row that ended with this.
    #[must_use]
    pub fn of(end: Result<Self>) -> Self {
        match end {
            Ok(verdict) => verdict,
            Err(error) => match error.downcast::<Contradiction>() {
                Ok(Contradiction(why)) => Self::Contradicted(why),
                Err(error) => Self::Unknown(one_line(&format!("{error:#}"))),
            },
        }
    }
}

/// A row found something else than it says. Every other error of a row leaves it unknown.
#[derive(Debug)]
pub struct Contradiction(String);

impl std::fmt::Display for Contradiction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Contradiction {}

/// The row says something else. Never name a value of a secret in `why`.
#[must_use]
pub fn contradiction(why: impl Into<String>) -> Error {
    Error::new(Contradiction(one_line(&why.into())))
}

/// A statement of the row.
///
/// # Errors
/// When it does not hold.
pub fn holds(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(contradiction(otherwise())) }
}

/// Two things that the row says are equal. They must not be values of a secret.
///
/// # Errors
/// When they differ.
pub fn same<A, B>(what: &str, found: &A, expected: &B) -> Result<()>
where
    A: std::fmt::Debug + PartialEq<B> + ?Sized,
    B: std::fmt::Debug + ?Sized,
{
    holds(found == expected, || format!("{what}: {found:?} instead of {expected:?}"))
}

/// The call must be refused with this code. Returns the message.
///
/// # Errors
/// A contradiction when it succeeded or was refused with another code; another error when it got no answer.
pub fn refused<T, E, R>(what: &str, result: Result<T, SdkError<E, R>>, code: &str) -> Result<String>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Err(error) = result else {
        return Err(contradiction(format!("{what}: succeeded instead of {code}")));
    };
    match error.code() {
        Some(found) if found == code => Ok(error.message().unwrap_or_default().to_owned()),
        Some(found) => Err(contradiction(format!("{what}: {found} instead of {code}"))),
        None => Err(Error::new(error).context(what.to_owned())),
    }
}

/// Tables and terminals take one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_contradiction_contradicts() {
        let ends = [
            (confirmed(), Verdict::Confirmed(None)),
            (Err(contradiction("a\n b")), Verdict::Contradicted("a b".into())),
            (
                same("labels", &1, &2).and_then(|()| confirmed()),
                Verdict::Contradicted("labels: 1 instead of 2".into()),
            ),
            (Err(anyhow::anyhow!("no answer").context("read")), Verdict::Unknown("read: no answer".into())),
        ];
        for (end, expected) in ends {
            assert_eq!(Verdict::of(end), expected);
        }
    }
}
