//! Reads the fields of a JSON object. An error never quotes a value.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{SecretValueError, keys, wipe};

/// Secrets Manager's quota for a secret value, in bytes.
pub(super) const VALUE_LIMIT: usize = 65_536;

/// A JSON object whose values are kept byte for byte.
pub(super) struct Fields(BTreeMap<String, Box<RawValue>>);

impl Fields {
    pub(super) fn parse(json: &str) -> Result<Self, SecretValueError> {
        if json.len() > VALUE_LIMIT {
            return Err(SecretValueError::TooLong);
        }
        if json.starts_with('\u{feff}') {
            return Err(SecretValueError::ByteOrderMark);
        }
        // The values are borrowed until all of them are read: a value of a broken document, or of a repeated key, would be
        // freed without being wiped. serde_json's own message can quote the input, which may be the password itself.
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json)
            .map_err(|error| SecretValueError::NotAnObject { line: error.line(), column: error.column() })?;
        Ok(Self(fields.into_iter().map(|(key, value)| (key, value.to_owned())).collect()))
    }

    /// Without this check, a near miss of a known key would be ignored, and its default would be used silently.
    pub(super) fn check_spelling(&self) -> Result<(), SecretValueError> {
        let near_miss = self.0.keys().find_map(|key| Some((key, keys::near_miss(key)?)));
        match near_miss {
            Some((key, known)) => Err(SecretValueError::NearMiss { key: keys::shown(key), known }),
            None => Ok(()),
        }
    }

    /// A field that is text and not empty. `null` counts as absent.
    pub(super) fn text(&self, field: &'static str) -> Result<Option<String>, SecretValueError> {
        let Some(raw) = self.0.get(field).filter(|raw| raw.get() != "null") else {
            return Ok(None);
        };
        match serde_json::from_str::<String>(raw.get()) {
            Ok(text) if text.is_empty() => Err(SecretValueError::Empty(field)),
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(SecretValueError::NotText(field)),
        }
    }

    pub(super) fn required_text(&self, field: &'static str) -> Result<String, SecretValueError> {
        self.text(field)?.ok_or(SecretValueError::Missing(field))
    }

    /// A port, as a number or as text. AWS's own examples use both.
    pub(super) fn port(&self, field: &'static str) -> Result<Option<u16>, SecretValueError> {
        let Some(raw) = self.0.get(field).filter(|raw| raw.get() != "null") else {
            return Ok(None);
        };
        raw.get()
            .trim_matches('"')
            .parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .map(Some)
            .ok_or(SecretValueError::Malformed { field, expected: "a port number from 1 to 65535" })
    }

    /// Removes a field and overwrites its text.
    pub(super) fn wipe(&mut self, field: &str) {
        if let Some(mut raw) = self.0.remove(field) {
            wipe(&mut raw);
        }
    }

    pub(super) fn rest(mut self) -> BTreeMap<String, Box<RawValue>> {
        std::mem::take(&mut self.0)
    }
}

/// A value that is refused holds a password, too.
impl Drop for Fields {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}
