//! The AWS CLI for the services that a run needs rarely: IAM, STS, CloudFormation, S3, CloudTrail and others. It is the
//! pinned CLI of the testbed, and acts as the caller of the SDK clients.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use serde_json::Value;
use tokio::process::Command;

/// One call, with the CLI's own attempts.
const LIMIT: Duration = Duration::from_mins(2);
const TIMEOUTS: [&str; 4] = ["--cli-connect-timeout", "10", "--cli-read-timeout", "60"];
/// Variables of the machine that decide how AWS is reached. All others are left out.
const PASSED_ON: [&str; 7] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "AWS_CA_BUNDLE"];

/// The CLI with an identity.
#[derive(Debug, Clone)]
pub struct Cli {
    program: PathBuf,
    /// An empty folder in the place of the person's own configuration.
    home: PathBuf,
    config: SdkConfig,
}

/// A call that AWS refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Such as `AccessDenied`.
    pub code: String,
    /// The text after it.
    pub message: String,
}

impl Cli {
    /// The CLI with the identity, region and endpoint of `config`.
    #[must_use]
    pub fn new(program: PathBuf, home: PathBuf, config: SdkConfig) -> Self {
        Self { program, home, config }
    }

    /// The same CLI with another identity.
    #[must_use]
    pub fn acting_as(&self, config: SdkConfig) -> Self {
        Self { config, ..self.clone() }
    }

    /// A call that must succeed. Returns its answer.
    ///
    /// # Errors
    /// When it is refused or gets no answer.
    pub async fn call(&self, arguments: &[&str]) -> Result<Value> {
        match self.ask(arguments).await? {
            Ok(answer) => Ok(answer),
            Err(refusal) => bail!("{}: {} ({})", words(arguments), refusal.code, refusal.message),
        }
    }

    /// A call that AWS may refuse.
    ///
    /// # Errors
    /// When it gets no answer of AWS.
    pub async fn ask(&self, arguments: &[&str]) -> Result<Result<Value, Refusal>> {
        let mut command = self.command(arguments).await?;
        let output = tokio::time::timeout(LIMIT, command.output()).await;
        let output = output.with_context(|| format!("{}: no answer", words(arguments)))?;
        let output = output.with_context(|| format!("cannot start {}", self.program.display()))?;
        if output.status.success() {
            let is_empty = output.stdout.iter().all(u8::is_ascii_whitespace);
            return Ok(Ok(if is_empty { Value::Null } else { serde_json::from_slice(&output.stdout)? }));
        }
        let text = String::from_utf8_lossy(&output.stderr);
        match refusal(&text) {
            Some(refusal) => Ok(Err(refusal)),
            None => bail!("{}: {}", words(arguments), text.trim()),
        }
    }

    /// The credentials are in the environment of the child, never in its arguments.
    async fn command(&self, arguments: &[&str]) -> Result<Command> {
        let provider = self.config.credentials_provider().context("no credentials")?;
        let credentials = provider.provide_credentials().await.context("no credentials")?;
        let region = self.config.region().context("no region")?.to_string();
        let mut command = Command::new(&self.program);
        command.args(arguments).args(TIMEOUTS).args(["--output", "json"]);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8");
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", &self.home).env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_PAGER", "");
        command.env("AWS_REGION", &region).env("AWS_DEFAULT_REGION", &region);
        command.env("AWS_ACCESS_KEY_ID", credentials.access_key_id());
        command.env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key());
        if let Some(token) = credentials.session_token() {
            command.env("AWS_SESSION_TOKEN", token);
        }
        if let Some(endpoint) = self.config.endpoint_url() {
            // Version 1 of the CLI ignores AWS_ENDPOINT_URL for `aws sqs`.
            command.args(["--endpoint-url", endpoint]);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    /// The configuration of a session of a role. A new role is not known everywhere at once, so it is asked again.
    ///
    /// # Errors
    /// When the role may not be assumed.
    pub async fn session(&self, role: &str, patience: Duration) -> Result<SdkConfig> {
        let started = std::time::Instant::now();
        let assume = ["sts", "assume-role", "--role-session-name", "conformance", "--role-arn", role];
        let answer = loop {
            match self.ask(&assume).await? {
                Ok(answer) => break answer,
                Err(_) if started.elapsed() < patience => tokio::time::sleep(Duration::from_secs(3)).await,
                Err(refusal) => bail!("sts assume-role: {}", refusal.code),
            }
        };
        let text = |field: &str| {
            let found = answer.pointer(&format!("/Credentials/{field}")).and_then(Value::as_str);
            found.map(str::to_owned).context("the session has no credentials")
        };
        let (key, secret, token) = (text("AccessKeyId")?, text("SecretAccessKey")?, text("SessionToken")?);
        let credentials = Credentials::new(key, secret, Some(token), None, "conformance");
        let provider = SharedCredentialsProvider::new(credentials);
        Ok(self.config.to_builder().credentials_provider(provider).build())
    }
}

/// The service and the operation: the arguments after them may be long.
fn words(arguments: &[&str]) -> String {
    arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ")
}

/// `An error occurred (Code) when calling the Operation operation: text`.
fn refusal(text: &str) -> Option<Refusal> {
    let (_, rest) = text.split_once("An error occurred (")?;
    let (code, rest) = rest.split_once(')')?;
    let message = rest.split_once("operation: ").map_or(rest, |(_, message)| message).trim();
    Some(Refusal { code: code.to_owned(), message: message.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_a_call_without_an_answer() {
        let text =
            "\nAn error occurred (AccessDenied) when calling the AssumeRole operation: User x may not\n";
        let expected = Refusal { code: "AccessDenied".into(), message: "User x may not".into() };
        assert_eq!(refusal(text), Some(expected));
        assert_eq!(refusal("Could not connect to the endpoint URL"), None);
    }
}
