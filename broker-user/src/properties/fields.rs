//! The fields of an object in an event, each with its type and its size. Pure.
//!
//! An error names the place of a field, and of the event it quotes only names of properties that look like one.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// The most entries of one list.
const ENTRIES: usize = 100;
/// The longest name of an unknown property that an error shows.
const SHOWN_BYTES: usize = 64;

/// Why the function does not accept an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not an object.
    #[error("the event is not a JSON object")]
    NotAnObject,
    /// None of the three forms.
    #[error(
        "the event must have `RequestType` (Custom::BrokerUser of CloudFormation), `tf` (aws_lambda_invocation of Terraform \
         with `lifecycle_scope = \"CRUD\"`), or `Action`"
    )]
    UnknownForm,
    /// A field is missing, of the wrong type, or of the wrong form.
    #[error("`{place}` must be {expected}")]
    Wrong {
        /// The field.
        place: String,
        /// What it must be.
        expected: String,
    },
    /// A property that would have no effect.
    #[error("`{place}` is no property{}", .meant.map(|meant| format!(": did you mean `{meant}`?")).unwrap_or_default())]
    Unknown {
        /// The property.
        place: String,
        /// The property that it resembles.
        meant: Option<&'static str>,
    },
}

/// An object of the event, and its place there.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    fields: &'a Map<String, Value>,
    place: String,
}

impl<'a> Fields<'a> {
    /// The event itself.
    ///
    /// # Errors
    /// [`EventError::NotAnObject`].
    pub fn of_event(event: &'a Value) -> Result<Self, EventError> {
        let fields = event.as_object().ok_or(EventError::NotAnObject)?;
        Ok(Self { fields, place: String::new() })
    }

    /// Whether a field is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The error for a field, which must be `expected`.
    #[must_use]
    pub fn wrong(&self, name: &str, expected: &str) -> EventError {
        EventError::Wrong { place: self.place_of(name), expected: expected.to_owned() }
    }

    /// A text of so many characters, none of which is a control character.
    ///
    /// # Errors
    /// When it is missing, or is something else.
    pub fn text(&self, name: &str, characters: RangeInclusive<usize>) -> Result<&'a str, EventError> {
        let text = self.fields.get(name).and_then(Value::as_str);
        let fits =
            |text: &&str| characters.contains(&text.chars().count()) && !text.chars().any(char::is_control);
        text.filter(fits).ok_or_else(|| {
            let (least, most) = (characters.start(), characters.end());
            let expected = format!("a string of {least} to {most} characters without control characters");
            self.wrong(name, &expected)
        })
    }

    /// A whole number in `allowed`, if the field is there. CloudFormation makes each number a string.
    ///
    /// # Errors
    /// When it is something else.
    pub fn number(&self, name: &str, allowed: &RangeInclusive<i64>) -> Result<Option<i64>, EventError> {
        let Some(value) = self.fields.get(name) else { return Ok(None) };
        let number = match value {
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            other => other.as_i64(),
        };
        number.filter(|number| allowed.contains(number)).map(Some).ok_or_else(|| {
            self.wrong(name, &format!("a whole number from {} to {}", allowed.start(), allowed.end()))
        })
    }

    /// The entries of a list. A list that is missing has none.
    ///
    /// # Errors
    /// When it is something else, or too long.
    pub fn list(&self, name: &str) -> Result<&'a [Value], EventError> {
        match self.fields.get(name) {
            None => Ok(&[]),
            Some(Value::Array(entries)) if entries.len() <= ENTRIES => Ok(entries),
            Some(_) => Err(self.wrong(name, &format!("a list of at most {ENTRIES} entries"))),
        }
    }

    /// The entries of a list of objects.
    ///
    /// # Errors
    /// As [`Self::list`], or when an entry is no object.
    pub fn objects(&self, name: &str) -> Result<Vec<Self>, EventError> {
        let of_entry = |(index, entry): (usize, &'a Value)| {
            let name = format!("{name}[{index}]");
            match entry.as_object() {
                Some(fields) => Ok(Self { fields, place: self.place_of(&name) }),
                None => Err(self.wrong(&name, "an object")),
            }
        };
        self.list(name)?.iter().enumerate().map(of_entry).collect()
    }

    /// An object, if the field is there.
    ///
    /// # Errors
    /// When it is something else.
    pub fn object(&self, name: &str) -> Result<Option<Self>, EventError> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self { fields, place: self.place_of(name) })),
            Some(_) => Err(self.wrong(name, "an object")),
        }
    }

    /// Refuses fields that are neither `known` nor among the `others`.
    ///
    /// # Errors
    /// Names the first one, and the known field that it resembles.
    pub fn only(&self, known: &[&'static str], others: &[&str]) -> Result<(), EventError> {
        let is_unknown = |name: &&String| !known.iter().chain(others).any(|known| known == *name);
        let Some(name) = self.fields.keys().find(is_unknown) else { return Ok(()) };
        let meant = known.iter().copied().find(|known| letters(known) == letters(name));
        Err(EventError::Unknown { place: self.place_of(shown(name)), meant })
    }

    fn place_of(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }
}

/// A name as an error shows it.
fn shown(name: &str) -> &str {
    let is_plain = (1..=SHOWN_BYTES).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if is_plain { name } else { "(a name with other characters than letters, digits, `_`, `.` and `-`)" }
}

/// The letters of a name without case, `-`, `_`, white space and the `s` of a plural.
fn letters(name: &str) -> String {
    let kept = name.chars().filter(|c| !c.is_whitespace() && !"-_".contains(*c));
    let letters: String = kept.map(|c| c.to_ascii_lowercase()).collect();
    letters.trim_end_matches('s').to_owned()
}
