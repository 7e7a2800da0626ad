//! The JSON Schemas in `contract/schemas`.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::cloud::workspace;

/// Checks that the message is valid for the schema `name`.
///
/// # Errors
/// What is wrong with the message. When there is no such schema.
pub fn valid(name: &str, message: &Value) -> Result<()> {
    let path = workspace().join("contract/schemas").join(format!("{name}.json"));
    let schema = jsonschema::validator_for(&serde_json::from_slice(&std::fs::read(path)?)?)?;
    let wrong: Vec<String> = schema.iter_errors(message).map(|error| error.to_string()).collect();
    ensure!(wrong.is_empty(), "{message}: {wrong:?}");
    Ok(())
}
