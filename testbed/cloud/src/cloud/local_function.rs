//! The function outside the Lambda emulator: `cargo lambda watch` with the environment of the deployed function, and
//! `cargo lambda invoke` with the events of `tests/events`.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{Cloud, workspace};

/// The machine's own configuration must not be used.
const NO_FILES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

/// The values that replace those in `tests/events/*.json`.
#[derive(Debug, Clone, Copy)]
pub struct EventSubject<'a> {
    /// ARN of a secret with a pending version.
    pub secret: &'a str,
    /// The pending version.
    pub pending: &'a str,
    /// ARN of a secret whose credentials leaked.
    pub leaked_secret: &'a str,
    /// The leaked version.
    pub leaked_version: &'a str,
    /// The user of the same secret's pair that AWSCURRENT does not name.
    pub other_user: &'a str,
}

impl Cloud {
    /// The environment to run the deployed function elsewhere: its own variables, and the variables with which an SDK
    /// finds this cloud as the account's root user.
    ///
    /// # Errors
    /// When Lambda does not answer.
    pub async fn function_environment(&self) -> Result<Vec<(String, String)>> {
        let function = self.rotation_function()?;
        let deployed = self.lambda.get_function_configuration().function_name(function).send().await;
        let deployed = deployed.context("Lambda does not know the function")?;
        let own = deployed.environment.and_then(|environment| environment.variables).unwrap_or_default();
        let mut all: Vec<(String, String)> = own.into_iter().collect();
        let cli = self.aws.cli();
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        all.extend(cli.get_envs().filter_map(|(name, value)| Some((text(name), text(value?)))));
        for (_, value) in all.iter_mut().filter(|(name, _)| NO_FILES.contains(&name.as_str())) {
            // The SDK warns about a missing file.
            "/dev/null".clone_into(value);
        }
        all.sort();
        Ok(all)
    }
}

/// Writes the events of `tests/events` into `folder` with the values of this cloud. Returns their file names.
///
/// # Errors
/// When an event cannot be read or written, or its kind is unknown here.
pub fn write_events(folder: &Path, subject: EventSubject<'_>) -> Result<Vec<String>> {
    let examples = workspace().join("tests/events");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&examples).with_context(|| examples.display().to_string())? {
        let example = entry?.path();
        let text = std::fs::read_to_string(&example).with_context(|| example.display().to_string())?;
        let mut event: Value = serde_json::from_str(&text).with_context(|| example.display().to_string())?;
        if event["Step"].is_string() {
            event["SecretId"] = json!(subject.secret);
            event["ClientRequestToken"] = json!(subject.pending);
        } else if event["Action"] == "revokePrevious" {
            event["SecretId"] = json!(subject.leaked_secret);
            event["VersionId"] = json!(subject.leaked_version);
        } else if event["Action"] == "inspect" {
            event["SecretId"] = json!(subject.secret);
        } else if event["Action"] == "adopt" {
            event["SecretId"] = json!(subject.leaked_secret);
            event["User"] = json!(subject.other_user);
        } else {
            bail!("{} is neither a step nor a known action", example.display());
        }
        let name = example.file_name().context("a file without a name")?;
        let path = folder.join(name);
        let text = format!("{}\n", serde_json::to_string_pretty(&event)?);
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        names.push(name.to_string_lossy().into_owned());
    }
    Ok(names)
}
