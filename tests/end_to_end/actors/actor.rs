//! An actor: a role with a policy, and a session of it.

use anyhow::{Context as _, Result, bail, ensure};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use end_to_end::name;
use serde_json::{Value, json};
use testbed::aws::Stack;
use testbed::cloud::{Answer, Cloud, Session};

/// The error codes of a denied call: Secrets Manager and Lambda, SQS and STS, SNS.
const DENIALS: [&str; 3] = ["AccessDeniedException", "AccessDenied", "AuthorizationError"];

/// A person or program with a session of its own role.
pub struct Actor<'a> {
    cloud: &'a Cloud,
    /// The name of its role.
    pub role: String,
    /// Secrets Manager, as this actor.
    pub secrets: aws_sdk_secretsmanager::Client,
    lambda: aws_sdk_lambda::Client,
    environment: [(&'static str, String); 3],
}

/// Whether a policy allowed a call.
#[derive(Debug)]
pub enum Attempt<T> {
    /// The service did the call, or failed for another reason.
    Allowed(T),
    /// The denial, with the message of the service.
    Denied(String),
}

impl<T: std::fmt::Debug> Attempt<T> {
    /// The call was denied.
    pub fn denied(self, what: &str) -> Result<()> {
        match self {
            Self::Denied(_) => Ok(()),
            Self::Allowed(answer) => bail!("{what} was not denied: {answer:?}"),
        }
    }

    /// The call was allowed. Returns its answer.
    pub fn allowed(self, what: &str) -> Result<T> {
        match self {
            Self::Allowed(answer) => Ok(answer),
            Self::Denied(words) => bail!("{what} was denied: {words}"),
        }
    }
}

/// A statement that allows actions on resources.
pub fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

/// Converts the result of an SDK call. An error that is not a denial is an error of the test.
pub fn attempt<T, E>(called: Result<T, SdkError<E>>) -> Result<Attempt<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match called {
        Ok(answer) => Ok(Attempt::Allowed(answer)),
        Err(error) if error.code().is_some_and(|code| DENIALS.contains(&code)) => {
            Ok(Attempt::Denied(error.message().unwrap_or_default().to_owned()))
        }
        Err(error) => Err(error).context("neither allowed nor denied"),
    }
}

impl<'a> Actor<'a> {
    /// Creates a role with exactly these statements, and a session of it.
    pub async fn with(cloud: &'a Cloud, title: &str, statements: &[Value]) -> Result<Self> {
        let role = name(title);
        cloud.create_role(&role).await?;
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        cloud.put_role_policy(&role, "of-the-actor", &policy).await?;
        Self::session_of(cloud, &role).await
    }

    /// A session of a function's own role in the template, as an attacker who controls the function has it.
    pub async fn taken_over(cloud: &'a Cloud, stack: &Stack, logical_id: &str) -> Result<Self> {
        // The emulator lets the account's root assume a role that trusts a service (MiniStack calls as root itself).
        Self::session_of(cloud, stack.resource(logical_id)?).await
    }

    /// A session of a role for the token of a service account, if the trust policy of the role allows that account.
    pub async fn with_web_identity(cloud: &'a Cloud, role: &str, token: &str) -> Result<Attempt<Self>> {
        let assume = ["sts", "assume-role-with-web-identity", "--role-session-name", "actor"];
        let arguments = [&assume[..], &["--role-arn", role, "--web-identity-token", token]].concat();
        Ok(match run(cloud, &[], &arguments).await? {
            Attempt::Allowed(session) => Attempt::Allowed(Self::of_session(cloud, read(&session)?).await?),
            Attempt::Denied(words) => Attempt::Denied(words),
        })
    }

    async fn session_of(cloud: &'a Cloud, role: &str) -> Result<Self> {
        let arn = format!("arn:aws:iam::{}:role/{role}", cloud.aws.account());
        Self::of_session(cloud, cloud.assume_role(&arn).await?).await
    }

    async fn of_session(cloud: &'a Cloud, session: Session) -> Result<Self> {
        let Session { arn, key, secret, token } = session;
        let role = arn.split('/').nth(1).context("a session without a role")?.to_owned();
        let config = cloud.aws.sdk_config_as(&key, &secret, Some(&token)).await;
        Ok(Self {
            cloud,
            role,
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            environment: [
                ("AWS_ACCESS_KEY_ID", key),
                ("AWS_SECRET_ACCESS_KEY", secret),
                ("AWS_SESSION_TOKEN", token),
            ],
        })
    }

    /// Stores a value with these staging labels. Returns its version.
    pub async fn put(&self, arn: &str, value: &str, stages: &[&str]) -> Result<Attempt<String>> {
        let stages = stages.iter().map(|stage| (*stage).to_owned()).collect();
        let put = self.secrets.put_secret_value().secret_id(arn).secret_string(value);
        Ok(match attempt(put.set_version_stages(Some(stages)).send().await)? {
            Attempt::Allowed(stored) => Attempt::Allowed(stored.version_id.context("no version")?),
            Attempt::Denied(words) => Attempt::Denied(words),
        })
    }

    /// Invokes a function and waits for its answer, which may be an error of the function.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Attempt<Answer>> {
        let invoke = self.lambda.invoke().function_name(function).payload(Blob::new(event.to_string()));
        let answered = match attempt(invoke.send().await)? {
            Attempt::Allowed(answered) => answered,
            Attempt::Denied(words) => return Ok(Attempt::Denied(words)),
        };
        let payload = answered.payload.map(Blob::into_inner).unwrap_or_default();
        let value: Value = serde_json::from_slice(&payload).unwrap_or(Value::Null);
        if answered.function_error.is_none() {
            return Ok(Attempt::Allowed(Answer::Done(value)));
        }
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        Ok(Attempt::Allowed(Answer::Failed { kind: text("errorType"), message: text("errorMessage") }))
    }

    /// The variables with the credentials, for a program.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.environment.iter().map(|(variable, value)| (*variable, value.as_str()))
    }

    /// Runs the AWS CLI.
    pub async fn cli(&self, arguments: &[&str]) -> Result<Attempt<Value>> {
        run(self.cloud, &self.environment, arguments).await
    }
}

/// Runs the AWS CLI with the credentials in the variables, or as the account's root.
async fn run(
    cloud: &Cloud,
    environment: &[(&'static str, String)],
    arguments: &[&str],
) -> Result<Attempt<Value>> {
    let mut command = cloud.aws.cli();
    command.envs(environment.iter().map(|(key, value)| (key, value)));
    // Version 1 ignores the variable for SQS.
    command.args(["--endpoint-url", cloud.aws.endpoint()]).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    if output.status.success() {
        return Ok(Attempt::Allowed(serde_json::from_slice(&output.stdout).unwrap_or_default()));
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let denied = DENIALS.iter().any(|code| words.contains(&format!("({code})")));
    ensure!(denied, "{arguments:?} was neither allowed nor denied: {words}");
    Ok(Attempt::Denied(words))
}

/// The session that the AWS CLI has printed.
fn read(session: &Value) -> Result<Session> {
    let text = |part: &str, field: &str| {
        session[part][field].as_str().map(str::to_owned).with_context(|| format!("no {field}"))
    };
    Ok(Session {
        arn: text("AssumedRoleUser", "Arn")?,
        key: text("Credentials", "AccessKeyId")?,
        secret: text("Credentials", "SecretAccessKey")?,
        token: text("Credentials", "SessionToken")?,
    })
}
