//! Environment variables, read once at the start and turned into types.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// The allowed values of `CALL_TIMEOUT_SECONDS`, a variable of every function. A call without an answer must end before
/// the shortest invocation of the template. Its error names the likely cause, which a timeout of Lambda could not.
pub const CALL_TIMEOUTS_SECONDS: RangeInclusive<u64> = 1..=20;

/// A variable has a value that the function cannot use. The value itself is never quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {variable} must be {expected}")]
pub struct ConfigError {
    variable: &'static str,
    expected: String,
}

/// The form that the text of a variable must have.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The form in words, which follow "must be" in an error.
    pub expected: &'static str,
    /// Whether a text has the form.
    pub fits: fn(&str) -> bool,
}

impl Form {
    /// The ARN of a topic.
    pub const TOPIC_ARN: Self =
        Self { expected: "the ARN of an SNS topic", fits: |text| is_arn_of("sns", text) };
    /// The ARN of a queue.
    pub const QUEUE_ARN: Self =
        Self { expected: "the ARN of an SQS queue", fits: |text| is_arn_of("sqs", text) };
    /// The URL of a queue.
    pub const QUEUE_URL: Self = Self {
        expected: "the URL of an SQS queue",
        fits: |text| text.starts_with("https://") || text.starts_with("http://"),
    };
    /// The name of a table.
    pub const TABLE_NAME: Self = Self { expected: "the name of a DynamoDB table", fits: is_table };
}

/// The environment variables of a function. An empty variable counts as one that is not set, because a template cannot
/// always leave a variable out.
///
/// An error names the variable and what is expected, and never the value.
pub struct Environment {
    look_up: LookUp,
}

type LookUp = Box<dyn Fn(&str) -> Option<String>>;

impl Environment {
    /// The variables that `look_up` finds.
    #[must_use]
    pub fn new(look_up: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self { look_up: Box::new(look_up) }
    }

    /// The variables of the process.
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub(crate) fn of_the_process() -> Self {
        Self::new(|variable| std::env::var(variable).ok())
    }

    /// The variables of a test. The first value of a name counts.
    #[must_use]
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::new(move |variable| {
            variables.iter().find(|(name, _)| name == variable).map(|(_, value)| value.clone())
        })
    }

    /// The text of a variable, if it is set.
    #[must_use]
    pub fn optional(&self, variable: &str) -> Option<String> {
        (self.look_up)(variable).filter(|value| !value.is_empty())
    }

    /// The text of a variable, or `default` if it is not set.
    #[must_use]
    pub fn text(&self, variable: &str, default: &str) -> String {
        self.optional(variable).unwrap_or_else(|| default.to_owned())
    }

    /// The text of a variable that must be set and have this form.
    ///
    /// # Errors
    /// Names the variable and what is expected.
    pub fn required(&self, variable: &'static str, form: Form) -> Result<String, ConfigError> {
        self.optional_of(variable, form)?.ok_or_else(|| wrong(variable, form.expected))
    }

    /// The text of a variable that must have this form if it is set.
    ///
    /// # Errors
    /// Names the variable and what is expected.
    pub fn optional_of(&self, variable: &'static str, form: Form) -> Result<Option<String>, ConfigError> {
        match self.optional(variable) {
            Some(text) if !(form.fits)(&text) => Err(wrong(variable, form.expected)),
            text => Ok(text),
        }
    }

    /// A whole number in `allowed`, or `default` if the variable is not set.
    ///
    /// # Errors
    /// Names the variable and what is expected.
    pub fn number<N: FromStr + PartialOrd + Display>(
        &self,
        variable: &'static str,
        default: N,
        allowed: &RangeInclusive<N>,
    ) -> Result<N, ConfigError> {
        let Some(value) = self.optional(variable) else { return Ok(default) };
        value.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| {
            wrong(variable, &format!("a whole number from {} to {}", allowed.start(), allowed.end()))
        })
    }

    /// A number of seconds, as [`Self::number`] reads it.
    ///
    /// # Errors
    /// Names the variable and what is expected.
    pub fn seconds(
        &self,
        variable: &'static str,
        default: u64,
        allowed: &RangeInclusive<u64>,
    ) -> Result<Duration, ConfigError> {
        self.number(variable, default, allowed).map(Duration::from_secs)
    }

    /// The choice whose word the variable holds, or the first of them if it is not set.
    ///
    /// # Errors
    /// Names the variable and all words.
    pub fn choice<T: Copy, const N: usize>(
        &self,
        variable: &'static str,
        choices: [(&str, T); N],
    ) -> Result<T, ConfigError> {
        let chosen = match self.optional(variable) {
            None => choices.first(),
            Some(word) => choices.iter().find(|(choice, _)| *choice == word),
        };
        chosen
            .map(|(_, value)| *value)
            .ok_or_else(|| wrong(variable, &one_of(&choices.map(|(word, _)| word))))
    }
}

/// The error for `variable`, which must be `expected`.
#[must_use]
pub fn wrong(variable: &'static str, expected: &str) -> ConfigError {
    ConfigError { variable, expected: expected.to_owned() }
}

/// For example `` `report`, `close` or `refuse` ``.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Whether a text is an ARN of that service.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
fn is_arn_of(service: &str, text: &str) -> bool {
    let mut parts = text.split(':');
    parts.next() == Some("arn") && parts.nth(1) == Some(service) && parts.count() >= 3
}

/// Whether a text is the name of a table of `DynamoDB`.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
fn is_table(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:alerts";

    #[test]
    fn an_empty_variable_is_one_that_is_not_set() {
        let environment = Environment::of(&[("EMPTY", ""), ("SET", "first"), ("SET", "second")]);
        assert_eq!(environment.optional("EMPTY"), None);
        assert_eq!(environment.text("EMPTY", "default"), "default");
        assert_eq!(environment.text("SET", "default"), "first");
        let error = environment.required("EMPTY", Form::TOPIC_ARN).map_err(|error| error.to_string());
        let expected = "the environment variable EMPTY must be the ARN of an SNS topic";
        assert_eq!(error, Err(expected.to_owned()));
        assert_eq!(environment.optional_of("EMPTY", Form::TOPIC_ARN), Ok(None));
    }

    #[test]
    fn a_text_of_another_form_is_refused_and_not_quoted() {
        for (form, right, wrong) in [
            (Form::TOPIC_ARN, TOPIC, "arn:aws:sqs:eu-central-1:123456789012:canary"),
            (Form::TOPIC_ARN, TOPIC, "arn:aws:sns:canary"),
            (Form::QUEUE_ARN, "arn:aws:sqs:x:1:rule", "canary"),
            (Form::QUEUE_URL, "https://sqs.example/1/queue", "sqs.example/canary"),
            (Form::TABLE_NAME, "rotation-incidents", "canary/"),
            (Form::TABLE_NAME, "abc", "ab"),
        ] {
            let environment = Environment::of(&[("RIGHT", right), ("WRONG", wrong)]);
            assert_eq!(environment.required("RIGHT", form), Ok(right.to_owned()));
            assert_eq!(environment.optional_of("RIGHT", form), Ok(Some(right.to_owned())));
            for found in [
                environment.required("WRONG", form),
                environment.optional_of("WRONG", form).map(Option::unwrap_or_default),
            ] {
                let error = found.err().map(|error| error.to_string()).unwrap_or_default();
                assert_eq!(error, format!("the environment variable WRONG must be {}", form.expected));
            }
        }
    }

    #[test]
    fn a_number_outside_of_its_range_is_refused_with_the_range() {
        let environment = Environment::of(&[("LOW", "0"), ("HIGH", "4"), ("TEXT", "canary"), ("RIGHT", "3")]);
        for variable in ["LOW", "HIGH", "TEXT"] {
            let error = environment.number(variable, 2, &(1..=3)).err().map(|error| error.to_string());
            let expected = format!("the environment variable {variable} must be a whole number from 1 to 3");
            assert_eq!(error, Some(expected));
        }
        assert_eq!(environment.number("RIGHT", 2, &(1..=3)), Ok(3));
        assert_eq!(environment.seconds("UNSET", 2, &(1..=3)), Ok(Duration::from_secs(2)));
    }

    #[test]
    fn the_first_choice_is_the_default_and_an_error_names_all_of_them() {
        let environment = Environment::of(&[("SECOND", "b"), ("WRONG", "canary")]);
        let three = [("a", 1), ("b", 2), ("c", 3)];
        assert_eq!(environment.choice("UNSET", three), Ok(1));
        assert_eq!(environment.choice("SECOND", three), Ok(2));
        let error = environment.choice("WRONG", three).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("the environment variable WRONG must be `a`, `b` or `c`"));
        assert_eq!(one_of(&["true", "false"]), "`true` or `false`");
    }
}
