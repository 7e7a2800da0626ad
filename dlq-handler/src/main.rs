//! The Lambda function: reads the environment, builds the clients once, and serves batches of messages.

use std::process::ExitCode;

use dlq_handler::DlqHandler;
use dlq_handler::config::Config;
use dlq_handler::event_bus::EventBus;
use dlq_handler::handler::handle;
use dlq_handler::incident_table::IncidentTable;
use dlq_handler::own_queue::OwnQueue;
use dlq_handler::secret_store::SecretStore;
use lambda_boundary::aws_sdk;
use lambda_runtime::{LambdaEvent, service_fn};
use messages::{DeliveryRequests, Topic};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda_boundary::init_logging("dlq_handler");
    lambda_boundary::init_metrics(variable("METRIC_NAMESPACE"));
    let config = match Config::read(variable) {
        Ok(config) => config,
        // The messages stay in the queue, and its alarms tell.
        Err(error) => {
            tracing::error!(kind = contract::Kind::ConfigurationInvalid.as_str(), "{error}");
            return ExitCode::FAILURE;
        }
    };
    let handler = connect(config).await;
    let served = lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&handler, event))).await;
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

async fn connect(config: Config) -> DlqHandler {
    let timeout = config.call_timeout;
    let aws = aws_sdk(timeout).await;
    DlqHandler {
        table: IncidentTable::new(&aws, config.incidents_table.clone(), timeout),
        alerts: Topic::new(&aws, config.alert_topic.clone(), timeout),
        bus: EventBus::new(&aws, config.event_bus.clone(), timeout),
        redelivery: DeliveryRequests::new(&aws, config.places.secret2eks.clone(), timeout),
        queue: OwnQueue::new(&aws, config.own_queue.clone(), timeout),
        secrets: SecretStore::new(&aws, timeout),
        now,
        config,
    }
}
