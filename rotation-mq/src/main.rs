//! The Lambda function: reads the environment, builds the clients once, and serves events.

use std::process::ExitCode;

use lambda_boundary::{aws_sdk, cannot_start, now, serve, start, with_timeout, wrong_configuration};
use messages::{DeliveryRequests, Topic};
use rotation_mq::Rotation;
use rotation_mq::amazon_mq::AmazonMq;
use rotation_mq::amqp_login::AmqpLogin;
use rotation_mq::config::Config;
use rotation_mq::handler::{NOTICE_TIMEOUT, handle, notify_of_wrong_configuration};
use rotation_mq::just_seen::JustSeen;
use rotation_mq::management_api::ManagementClient;
use rotation_mq::secret_store::SecretStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = start("rotation_mq");
    let config = match Config::read(&environment, |path| std::fs::read_to_string(path)) {
        Ok(config) => config,
        Err(error) => {
            let failure = wrong_configuration(&error);
            notify_of_wrong_configuration(&environment, &error, now()).await;
            return failure;
        }
    };
    match connect(config).await {
        Ok(rotation) => serve(|event| handle(&rotation, event)).await,
        Err(error) => cannot_start(&error),
    }
}

async fn connect(config: Config) -> Result<Rotation, lambda_runtime::Error> {
    let timeout = config.call_timeout;
    let tls = config.broker_roots.client_config()?;
    let aws = aws_sdk(timeout).await;
    let aws_for_notices = with_timeout(&aws, NOTICE_TIMEOUT);
    Ok(Rotation {
        secrets: SecretStore::new(&aws, timeout),
        amazon_mq: AmazonMq::new(&aws, timeout, config.endpoints_kept),
        management: ManagementClient::new(&tls, timeout)?,
        amqp: AmqpLogin::new(tls, timeout),
        just_seen: JustSeen::default(),
        delivery: DeliveryRequests::new(&aws, config.secret2eks_function.clone(), timeout),
        dead_letter: Topic::new(&aws_for_notices, config.dead_letter_topic.clone(), NOTICE_TIMEOUT),
        now,
        config,
    })
}
