//! The commands that `up` prints, and the variables that they need.

use std::fmt::Write as _;

use anyhow::Result;
use testbed::cloud::{Cloud, STACK, workspace};

use super::{BY_CLI, BY_HAND};

/// The folder for the files of a running `up`, relative to the repository's root.
pub const FOLDER: &str = "target/testbed/up";

/// A shell script to source: the variables for the function, for the AWS CLI and for the commands below.
pub async fn environment(cloud: &Cloud) -> Result<String> {
    let mut variables = cloud.function_environment().await?;
    variables.push(("NOTICES_QUEUE_URL".to_owned(), cloud.notices.url().to_owned()));
    variables.push(("ALERTS_QUEUE_URL".to_owned(), cloud.alerts.url().to_owned()));
    let mut script = String::from("# `cargo xtask up` writes this file, and removes it when it ends.\n");
    for (name, value) in variables {
        writeln!(script, "export {name}={}", quoted(&value))?;
    }
    script.push_str("unset AWS_PROFILE AWS_SESSION_TOKEN\n");
    // Last in PATH, because this folder has a python that the user must not get.
    let tools = workspace().join("target/tools/lambda/bin");
    writeln!(script, "export PATH=\"$PATH\":{}", quoted(&tools.display().to_string()))?;
    Ok(script)
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The guide with the commands.
pub fn text() -> String {
    let (aws, function, incident, events) = (
        "target/testbed/python/bin/aws",
        format!("{STACK}-rotation-mq"),
        format!("{STACK}-incident"),
        format!("{FOLDER}/events"),
    );
    format!(
        r#"
In another terminal, in the repository's root, load the variables:

  . {FOLDER}/environment

Rotate the secret rabbitmq/{BY_CLI} with the AWS CLI (it was rotated once already):

  {aws} secretsmanager rotate-secret --secret-id rabbitmq/{BY_CLI}
  {aws} secretsmanager describe-secret --secret-id rabbitmq/{BY_CLI}
  {aws} secretsmanager get-secret-value --secret-id rabbitmq/{BY_CLI}

Revoke the credentials that were current before `rotate-secret`:

  {aws} lambda invoke --function-name {incident} \
    --payload fileb://{events}/revoke-previous.json /dev/stdout

Cause a failure. Then read its notice, and the alert that dlq-handler creates from it:

  {aws} lambda invoke --function-name {function} --payload '{{"Step":"none"}}' /dev/stdout
  {aws} sqs receive-message --endpoint-url "$AWS_ENDPOINT_URL" \
    --queue-url "$NOTICES_QUEUE_URL" --query 'Messages[].Body' --output text
  {aws} sqs receive-message --endpoint-url "$AWS_ENDPOINT_URL" \
    --queue-url "$ALERTS_QUEUE_URL" --query 'Messages[].Body' --output text

Run the function locally. cargo-lambda builds it at the first event, and again after each change of the code:

  cargo lambda watch --invoke-address 127.0.0.1

In a third terminal, load the variables and run each step of a rotation of rabbitmq/{BY_HAND}
(its new version is pending):

  cargo lambda invoke rotation-mq --invoke-address 127.0.0.1 --data-file {events}/create-secret.json
  cargo lambda invoke rotation-mq --invoke-address 127.0.0.1 --data-file {events}/set-secret.json
  cargo lambda invoke rotation-mq --invoke-address 127.0.0.1 --data-file {events}/test-secret.json
  cargo lambda invoke rotation-mq --invoke-address 127.0.0.1 --data-file {events}/finish-secret.json

The environment is running. Ctrl-C stops it and removes all its files."#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_is_one_word_of_the_shell() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
