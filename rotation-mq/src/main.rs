//! The Lambda function: reads the environment, builds the clients once, and serves events.

use std::process::ExitCode;
use std::time::Duration;

use contract::{FailureNotice, Kind};
use lambda_boundary::{ConfigError, aws_sdk};
use lambda_runtime::{LambdaEvent, service_fn};
use messages::{DeliveryRequests, Topic};
use rotation_mq::Rotation;
use rotation_mq::amazon_mq::AmazonMq;
use rotation_mq::amqp_login::AmqpLogin;
use rotation_mq::config::{self, Config};
use rotation_mq::handler::{NOTICE_RESERVE, handle};
use rotation_mq::management_api::ManagementClient;
use rotation_mq::secret_store::SecretStore;
use serde_json::Value;

/// A notice must be out before the time that is kept back for it is over.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(4);
const _: () = assert!(NOTICE_TIMEOUT.as_secs() < NOTICE_RESERVE.as_secs());

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda_boundary::init_logging("rotation_mq");
    lambda_boundary::init_metrics(variable("METRIC_NAMESPACE"));
    let config = match Config::read(variable, |path| std::fs::read_to_string(path)) {
        Ok(config) => config,
        Err(error) => {
            tell_wrong_configuration(&error).await;
            return ExitCode::FAILURE;
        }
    };
    match serve(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> Result<(), lambda_runtime::Error> {
    let rotation = connect(config).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&rotation, event))).await
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// A function that does not start cannot tell it when it is called, so it tells it now.
async fn tell_wrong_configuration(error: &ConfigError) {
    tracing::error!(kind = Kind::ConfigurationInvalid.as_str(), "{error}");
    let Some(topic) = config::dead_letter_topic(variable) else { return };
    let notice = FailureNotice {
        function: variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
        occurred_at: now().to_string(),
        ..FailureNotice::new(Kind::ConfigurationInvalid, &error.to_string(), &[])
    };
    let aws = aws_sdk(NOTICE_TIMEOUT).await;
    if let Err(unpublished) = Topic::new(&aws, topic, NOTICE_TIMEOUT).publish_notice(&notice).await {
        tracing::error!("the notice could not be published: {unpublished}");
    }
}

async fn connect(config: Config) -> Result<Rotation, lambda_runtime::Error> {
    let aws = aws_sdk(config.call_timeout).await;
    let aws_for_notices = aws_sdk(NOTICE_TIMEOUT).await;
    let timeout = config.call_timeout;
    Ok(Rotation {
        secrets: SecretStore::new(&aws, timeout),
        amazon_mq: AmazonMq::new(&aws, timeout, config.endpoints_kept),
        management: ManagementClient::new(&config.broker_roots, timeout)?,
        amqp: AmqpLogin::new(config.broker_roots.clone(), timeout),
        delivery: DeliveryRequests::new(&aws, config.secret2eks_function.clone(), timeout),
        dead_letter: Topic::new(&aws_for_notices, config.dead_letter_topic.clone(), NOTICE_TIMEOUT),
        now,
        config,
    })
}
