//! Amazon MQ's API, for the endpoints of a broker. Users are managed by [`crate::management_api`], because `CreateUser`
//! and similar operations are only for ActiveMQ.
//! <https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html>

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_mq::Client;
use aws_sdk_mq::types::{ActionRequired, BrokerInstance, BrokerState, EngineType};
use contract::{BrokerAddress, Kind, cut};

use lambda_boundary::{AwsError, patiently};

/// How long the endpoints of a broker with a fault are cached. A failure reports what Amazon MQ says about the fault.
const KEPT_WITH_A_FAULT: Duration = Duration::from_mins(1);
/// How long a failure waits for that. It is less than the time that is kept back for the notice.
const LOOK: Duration = Duration::from_millis(800);

/// The longest name of an engine, a state or a version in an error or an inspection, in bytes. AWS may add values that this
/// code does not know.
const WORD_BYTES: usize = 100;
/// The longest condition, in bytes: a state, and what the owner must do.
const CONDITION_BYTES: usize = 4 * WORD_BYTES;
/// The longest endpoint, in bytes. A host name has 253 at most (RFC 1035, section 2.3.4).
const ENDPOINT_BYTES: usize = 300;

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Host for AMQPS.
    pub host: String,
    /// Port for AMQPS.
    pub port: u16,
    /// Base URL of the management API, `https` and without a trailing slash.
    pub management_url: String,
}

/// What Amazon MQ says about a broker, apart from its endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reported {
    /// Its state, for example `RUNNING`.
    pub state: Option<String>,
    /// The version of its engine, for example `3.13`.
    pub version: Option<String>,
}

/// Amazon MQ, with the longest time that one call may take.
#[derive(Debug)]
pub struct AmazonMq {
    client: Client,
    timeout: Duration,
    kept: Duration,
    known: Mutex<HashMap<String, Known>>,
}

/// A broker's endpoints cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub enum BrokerLookupError {
    /// No such broker.
    #[error("Amazon MQ does not know the broker `{0}`")]
    NotFound(String),
    /// ActiveMQ.
    #[error("the broker `{broker}` is a broker for {engine}, not for RabbitMQ")]
    NotRabbitmq {
        /// The broker's id.
        broker: String,
        /// Its engine.
        engine: String,
    },
    /// The broker is being created or deleted.
    #[error("the broker `{broker}` is {state}: nobody can log in to it")]
    NotRunning {
        /// The broker's id.
        broker: String,
        /// Its state.
        state: String,
    },
    /// Amazon MQ returned no endpoints that can be used.
    #[error("Amazon MQ returns no AMQPS endpoint or no console URL for the broker `{0}`")]
    NoEndpoint(String),
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl BrokerLookupError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_) | Self::NoEndpoint(_) => Kind::BrokerNotFound,
            Self::NotRabbitmq { .. } => Kind::BrokerNotRabbitmq,
            Self::NotRunning { .. } => Kind::BrokerNotRunning,
            Self::Aws(error) => error.kind(),
        }
    }

    fn is_throttled(&self) -> bool {
        matches!(self, Self::Aws(error) if error.is_throttled())
    }
}

impl AmazonMq {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`. Endpoints are cached for the time `kept`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, timeout: Duration, kept: Duration) -> Self {
        Self { client: Client::new(config), timeout, kept, known: Mutex::default() }
    }

    /// The endpoints of the broker at `address`. Explicit ones need no call. Others are cached for some minutes, because all
    /// callers of an account share a small limit of calls.
    /// <https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/amazon-mq-limits.html>
    ///
    /// # Errors
    /// When the broker is unknown, has another engine, or is being created or deleted.
    pub async fn endpoints(&self, address: &BrokerAddress) -> Result<Endpoints, BrokerLookupError> {
        let id = match address {
            BrokerAddress::Endpoints { host, port, management_url } => {
                return Ok(Endpoints {
                    host: host.clone(),
                    port: *port,
                    management_url: management_url.clone(),
                });
            }
            BrokerAddress::Id(id) => id,
        };
        if let Some(endpoints) = self.known().get(id).and_then(|known| known.fresh(self.kept)) {
            return Ok(endpoints);
        }
        let known = patiently(async || self.describe(id).await, BrokerLookupError::is_throttled).await?;
        let endpoints = known.endpoints.clone();
        let mut all = self.known();
        all.retain(|_, known| known.asked_at.elapsed() < self.kept);
        all.insert(id.clone(), known);
        Ok(endpoints)
    }

    /// What Amazon MQ said about a broker when its endpoints were looked up last. None if it was not asked.
    #[must_use]
    pub fn reported(&self, broker: &str) -> Option<Reported> {
        self.known().get(broker).map(|known| known.reported.clone())
    }

    /// Asks Amazon MQ for something that concerns no broker, to see whether it answers.
    ///
    /// # Errors
    /// What AWS answered, also that the role may not ask.
    pub async fn ask_anything(&self) -> Result<(), AwsError> {
        let sent = self.client.describe_broker_engine_types().max_results(5).send().await;
        sent.map(drop).map_err(|error| {
            AwsError::from_sdk("Amazon MQ", "DescribeBrokerEngineTypes", self.timeout, &error)
        })
    }

    /// Makes the next call ask Amazon MQ again, because the endpoints may have changed.
    pub fn forget(&self, broker: &str) {
        if let Some(known) = self.known().get_mut(broker) {
            known.is_doubtful = true;
        }
    }

    /// What Amazon MQ says about a broker whose state is not `RUNNING`, for the message about a failure. Such a broker may
    /// work nevertheless: in `CRITICAL_ACTION_REQUIRED` it runs with a fault, and a cluster works while it reboots.
    /// <https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/broker-statuses.html>
    pub async fn condition(&self, broker: &str) -> Option<String> {
        let asked_at = self.known().get(broker)?.asked_at;
        if asked_at.elapsed() > KEPT_WITH_A_FAULT
            && let Ok(Ok(known)) = tokio::time::timeout(LOOK, self.describe(broker)).await
        {
            self.known().insert(broker.to_owned(), known);
        }
        self.known().get(broker).and_then(|known| known.condition.clone())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // No code under this lock can leave the map half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn describe(&self, id: &str) -> Result<Known, BrokerLookupError> {
        let answer = self.client.describe_broker().broker_id(id).send().await.map_err(|error| {
            let error = AwsError::from_sdk("Amazon MQ", "DescribeBroker", self.timeout, &error);
            if error.is("NotFoundException") {
                BrokerLookupError::NotFound(id.to_owned())
            } else {
                error.into()
            }
        })?;
        if let Some(engine) = answer.engine_type.filter(|engine| *engine != EngineType::Rabbitmq) {
            return Err(BrokerLookupError::NotRabbitmq {
                broker: id.to_owned(),
                engine: cut(engine.as_ref(), WORD_BYTES),
            });
        }
        if let Some(state) = answer.broker_state.as_ref().filter(|state| is_away(state)) {
            return Err(BrokerLookupError::NotRunning {
                broker: id.to_owned(),
                state: cut(state.as_ref(), WORD_BYTES),
            });
        }
        let actions = answer.actions_required.unwrap_or_default();
        let codes = actions.iter().filter_map(ActionRequired::action_required_code);
        // A cluster has one entry, too: its nodes are behind one load balancer.
        let instances = answer.broker_instances.unwrap_or_default();
        let endpoints = instances.iter().find_map(endpoints_of);
        Ok(Known {
            endpoints: endpoints.ok_or_else(|| BrokerLookupError::NoEndpoint(id.to_owned()))?,
            condition: condition(answer.broker_state.as_ref(), codes),
            reported: Reported {
                state: answer.broker_state.as_ref().map(|state| cut(state.as_ref(), WORD_BYTES)),
                version: answer.engine_version.map(|version| cut(&version, WORD_BYTES)),
            },
            asked_at: Instant::now(),
            is_doubtful: false,
        })
    }
}

/// What Amazon MQ said about a broker.
#[derive(Debug)]
struct Known {
    endpoints: Endpoints,
    condition: Option<String>,
    reported: Reported,
    asked_at: Instant,
    is_doubtful: bool,
}

impl Known {
    fn fresh(&self, kept: Duration) -> Option<Endpoints> {
        let kept = if self.condition.is_some() { kept.min(KEPT_WITH_A_FAULT) } else { kept };
        (!self.is_doubtful && self.asked_at.elapsed() < kept).then(|| self.endpoints.clone())
    }
}

fn endpoints_of(instance: &BrokerInstance) -> Option<Endpoints> {
    let short = |text: &&str| text.len() <= ENDPOINT_BYTES;
    let mut endpoints = instance.endpoints().iter().map(String::as_str).filter(short);
    let amqps = endpoints.find_map(|endpoint| endpoint.strip_prefix("amqps://"))?;
    let (host, port) = amqps.trim_end_matches('/').rsplit_once(':')?;
    let console = instance.console_url().filter(short).filter(|url| url.starts_with("https://"))?;
    Some(Endpoints {
        host: host.to_owned(),
        port: port.parse().ok()?,
        management_url: console.trim_end_matches('/').to_owned(),
    })
}

/// Whether nobody can log in to a broker in this state. In every other state, also a state that Amazon MQ adds later, the
/// login is tried.
fn is_away(state: &BrokerState) -> bool {
    matches!(
        state,
        BrokerState::CreationInProgress | BrokerState::CreationFailed | BrokerState::DeletionInProgress
    )
}

/// For example `CRITICAL_ACTION_REQUIRED (RABBITMQ_MEMORY_ALARM)`. None if the broker runs and its owner has nothing to do.
fn condition<'c>(state: Option<&BrokerState>, codes: impl Iterator<Item = &'c str>) -> Option<String> {
    let state = state.unwrap_or(&BrokerState::Running);
    let codes = codes.collect::<Vec<_>>().join(", ");
    match (state, codes.as_str()) {
        (BrokerState::Running, "") => None,
        (state, "") => Some(cut(state.as_ref(), CONDITION_BYTES)),
        (state, codes) => Some(cut(&format!("{state} ({codes})"), CONDITION_BYTES)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_broker_that_is_not_there_is_left_alone() {
        for (state, expected) in [
            (BrokerState::Running, false),
            (BrokerState::CriticalActionRequired, false),
            (BrokerState::RebootInProgress, false),
            (BrokerState::Replica, false),
            (BrokerState::from("A_STATE_OF_LATER_YEARS"), false),
            (BrokerState::CreationInProgress, true),
            (BrokerState::CreationFailed, true),
            (BrokerState::DeletionInProgress, true),
        ] {
            assert_eq!(is_away(&state), expected, "{state}");
        }
    }

    #[test]
    fn the_condition_names_the_state_and_what_amazon_mq_asks_of_the_owner() {
        let asked: [(Option<BrokerState>, &[&str], Option<&str>); 5] = [
            (None, &[], None),
            (Some(BrokerState::Running), &[], None),
            (Some(BrokerState::RebootInProgress), &[], Some("REBOOT_IN_PROGRESS")),
            (
                Some(BrokerState::CriticalActionRequired),
                &["RABBITMQ_MEMORY_ALARM", "INVALID_KMS_KEY"],
                Some("CRITICAL_ACTION_REQUIRED (RABBITMQ_MEMORY_ALARM, INVALID_KMS_KEY)"),
            ),
            (Some(BrokerState::Running), &["RABBITMQ_DISK_ALARM"], Some("RUNNING (RABBITMQ_DISK_ALARM)")),
        ];
        for (state, codes, expected) in asked {
            assert_eq!(condition(state.as_ref(), codes.iter().copied()).as_deref(), expected);
        }
        let long = condition(None, std::iter::repeat_n("RABBITMQ_DISK_ALARM", 1_000)).unwrap_or_default();
        assert!(
            long.starts_with("RUNNING (RABBITMQ_DISK_ALARM, ") && long.len() <= CONDITION_BYTES,
            "{long}"
        );
    }
}
