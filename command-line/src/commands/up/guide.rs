//! The commands that `up` prints, and the variables that they need.

use std::fmt::Write as _;

use anyhow::Result;
use testbed::cloud::{Cloud, STACK, workspace};

use super::{BY_CLI, BY_HAND};

/// Where the files of a running `up` are, from the repository's root.
pub const FOLDER: &str = "target/testbed/up";

/// A shell script to source: variables of the function, of the AWS CLI and of the commands below.
pub async fn environment(cloud: &Cloud) -> Result<String> {
    let mut variables = cloud.function_environment().await?;
    variables.push(("NOTICES_QUEUE_URL".to_owned(), cloud.notices.url().to_owned()));
    variables.push(("ALERTS_QUEUE_URL".to_owned(), cloud.alerts.url().to_owned()));
    let mut script = String::from("# Written by `cargo xtask up`, and removed when it ends.\n");
    for (name, value) in variables {
        writeln!(script, "export {name}={}", quoted(&value))?;
    }
    script.push_str("unset AWS_PROFILE AWS_SESSION_TOKEN\n");
    // Behind the user's own: a python in there is not for them.
    let tools = workspace().join("target/tools/lambda/bin");
    writeln!(script, "export PATH=\"$PATH\":{}", quoted(&tools.display().to_string()))?;
    Ok(script)
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What to type.
pub fn text() -> String {
    let (aws, function, incident, events) = (
        "target/testbed/python/bin/aws",
        format!("{STACK}-rotation-mq"),
        format!("{STACK}-incident"),
        format!("{FOLDER}/events"),
    );
    format!(
        r#"
In another terminal, in the repository's root:

  . {FOLDER}/environment

Rotate with the AWS CLI (the secret rabbitmq/{BY_CLI}, rotated once already):

  {aws} secretsmanager rotate-secret --secret-id rabbitmq/{BY_CLI}
  {aws} secretsmanager describe-secret --secret-id rabbitmq/{BY_CLI}
  {aws} secretsmanager get-secret-value --secret-id rabbitmq/{BY_CLI}

Cut the credentials off that were current until then:

  {aws} lambda invoke --function-name {incident} \
    --payload fileb://{events}/revoke-previous.json /dev/stdout

Make something fail, read its notice, and the alert that the handler makes of it:

  {aws} lambda invoke --function-name {function} --payload '{{"Step":"none"}}' /dev/stdout
  {aws} sqs receive-message --endpoint-url "$AWS_ENDPOINT_URL" \
    --queue-url "$NOTICES_QUEUE_URL" --query 'Messages[].Body' --output text
  {aws} sqs receive-message --endpoint-url "$AWS_ENDPOINT_URL" \
    --queue-url "$ALERTS_QUEUE_URL" --query 'Messages[].Body' --output text

Run the function yourself, rebuilt at each change of the code:

  cargo lambda watch --package rotation-mq --invoke-address 127.0.0.1

and, in a third terminal (with the same `. {FOLDER}/environment`), each step of a rotation
of rabbitmq/{BY_HAND}, whose new version is pending:

  cargo lambda invoke rotation-mq --data-file {events}/create-secret.json
  cargo lambda invoke rotation-mq --data-file {events}/set-secret.json
  cargo lambda invoke rotation-mq --data-file {events}/test-secret.json
  cargo lambda invoke rotation-mq --data-file {events}/finish-secret.json

Running. Ctrl-C ends it, and removes everything."#
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
