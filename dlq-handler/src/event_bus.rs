//! The event bus for a SIEM: the default one, or one that only this function may send to.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use contract::{EVENT_SOURCE, IncidentEvent};
use lambda_boundary::AwsError;

/// EventBridge.
#[derive(Debug)]
pub struct EventBus {
    client: Client,
    bus: Option<String>,
    timeout: Duration,
}

/// An event could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// EventBridge refused the call.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// EventBridge accepted the call but not the event.
    #[error("EventBridge did not accept the event: {0}")]
    Refused(String),
    /// The event could not be written as JSON.
    #[error("the event could not be written")]
    Unwritable(#[from] serde_json::Error),
}

impl EventBus {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`, for the bus of that name.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, bus: Option<String>, timeout: Duration) -> Self {
        Self { client: Client::new(config), bus, timeout }
    }

    /// Sends one event.
    ///
    /// # Errors
    /// When EventBridge does not take it.
    pub async fn put(&self, event: &IncidentEvent) -> Result<(), PutError> {
        let entry = PutEventsRequestEntry::builder()
            .set_event_bus_name(self.bus.clone())
            .source(EVENT_SOURCE)
            .detail_type(event.state.detail_type())
            .set_resources(event.subject.starts_with("arn:").then(|| vec![event.subject.clone()]))
            .detail(serde_json::to_string(event)?)
            .build();
        let answer = self
            .client
            .put_events()
            .entries(entry)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("EventBridge", "PutEvents", self.timeout, &error))?;
        // EventBridge can refuse an entry although the call succeeds.
        match answer.entries().iter().find_map(|entry| entry.error_code()) {
            Some(code) => Err(PutError::Refused(code.to_owned())),
            None => Ok(()),
        }
    }
}
