//! The Lambda function: reads the environment, builds the clients once, and serves events.

use std::process::ExitCode;

use broker_user::BrokerUsers;
use broker_user::config::Config;
use broker_user::handler::handle;
use broker_user::response::Responses;
use lambda_boundary::{aws_sdk, cannot_start, now, serve, start, with_timeout, wrong_configuration};
use messages::Topic;
use rotation_mq::amazon_mq::AmazonMq;
use rotation_mq::amqp_login::AmqpLogin;
use rotation_mq::handler::{NOTICE_TIMEOUT, notify_of_wrong_configuration};
use rotation_mq::management_api::ManagementClient;
use rotation_mq::secret_store::SecretStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = start("broker_user");
    let config = match Config::read(&environment, |path| std::fs::read_to_string(path)) {
        Ok(config) => config,
        Err(error) => {
            let failure = wrong_configuration(&error);
            notify_of_wrong_configuration(&environment, &error, now()).await;
            return failure;
        }
    };
    match connect(config).await {
        Ok(users) => serve(|event| handle(&users, event)).await,
        Err(error) => cannot_start(&error),
    }
}

async fn connect(config: Config) -> Result<BrokerUsers, lambda_runtime::Error> {
    let timeout = config.call_timeout;
    let tls = config.broker_roots.client_config()?;
    let aws = aws_sdk(timeout).await;
    let aws_for_notices = with_timeout(&aws, NOTICE_TIMEOUT);
    Ok(BrokerUsers {
        secrets: SecretStore::new(&aws, timeout),
        amazon_mq: AmazonMq::new(&aws, timeout, config.endpoints_kept),
        management: ManagementClient::new(&tls, timeout)?,
        amqp: AmqpLogin::new(tls, timeout),
        responses: Responses::new(config.response_host.is_none())?,
        dead_letter: Topic::new(&aws_for_notices, config.dead_letter_topic.clone(), NOTICE_TIMEOUT),
        now,
        config,
    })
}
