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

/// What `CALL_TIMEOUT_SECONDS` may be, a variable of every function. A call that is not answered ends before the shortest
/// invocation of the template does: its error names the likely cause, and that of the invocation could not.
pub const CALL_TIMEOUTS_SECONDS: std::ops::RangeInclusive<u64> = 1..=20;

/// Whether a text is an ARN of that service.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
#[must_use]
pub fn is_arn_of(service: &str, text: &str) -> bool {
    let mut parts = text.split(':');
    parts.next() == Some("arn") && parts.nth(1) == Some(service) && parts.count() >= 3
}

/// Whether a text is the name of a table of `DynamoDB`.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
#[must_use]
pub fn is_table(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// The error for `variable`, which must be `expected`.
#[must_use]
pub fn wrong(variable: &'static str, expected: &str) -> ConfigError {
    ConfigError { variable, expected: expected.to_owned() }
}
