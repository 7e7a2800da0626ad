//! The Lambda function: reads the environment, builds the clients once, and serves batches of messages.

use std::process::ExitCode;

use dlq_handler::DlqHandler;
use dlq_handler::config::Config;
use dlq_handler::event_bus::EventBus;
use dlq_handler::handler::handle;
use dlq_handler::incident_table::IncidentTable;
use dlq_handler::own_queue::OwnQueue;
use dlq_handler::secret_store::SecretStore;
use lambda_boundary::{aws_sdk, now, serve, start, wrong_configuration};
use messages::{DeliveryRequests, Topic};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Config::read(&start("dlq_handler")) {
        Ok(config) => {
            let handler = connect(config).await;
            serve(|event| handle(&handler, event)).await
        }
        // The messages stay in the queue, and its alarms report it.
        Err(error) => wrong_configuration(&error),
    }
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
