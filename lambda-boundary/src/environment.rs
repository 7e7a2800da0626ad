//! Reading configuration from environment variables.

/// A variable has a value that the function cannot work with. The value itself is never quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {variable} must be {expected}")]
pub struct ConfigError {
    variable: &'static str,
    expected: String,
}

/// A whole number in `allowed`, or `default` when the variable is not set.
///
/// # Errors
/// Names the variable and what is expected.
pub fn number<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
    variable: &'static str,
    value: Option<String>,
    default: N,
    allowed: &std::ops::RangeInclusive<N>,
) -> Result<N, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    value.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| {
        wrong(variable, &format!("a whole number from {} to {}", allowed.start(), allowed.end()))
    })
}

/// The error for `variable`, which must be `expected`.
#[must_use]
pub fn wrong(variable: &'static str, expected: &str) -> ConfigError {
    ConfigError { variable, expected: expected.to_owned() }
}
