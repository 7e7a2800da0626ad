//! One deployed suite behind proxies, with an application's secret. The cells run on it one after the other.

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::json;
use testbed::aws::{BrokerEngine, BrokerState};
use testbed::cloud::{Cloud, DeadLetterQueue, Inbox, Notices, Variant};
use testbed::kubernetes::CLUSTER;
use testbed::management::Management;

use super::account_events::AccountEvents;
use super::gate::Gate;
use super::place::Place;

mod account;
mod arm;
mod gates;

pub use self::account::{Account, RECEIPT};
pub use self::arm::Reached;
use self::gates::Gates;

/// The namespace to which the secrets of all stands are delivered.
pub const NAMESPACE: &str = "proof";
/// The limits are short, because a cell waits for them. They are longer than a call takes on a busy machine.
const PARAMETERS: [(&str, &str); 3] =
    [("EksClusterName", CLUSTER), ("CallTimeoutSeconds", CALL), ("SyncTimeoutSeconds", "8")];
const CALL: &str = "2";
/// The time limit of dlq-handler, and the time after which SQS delivers an unhandled message again.
const HANDLER_SECONDS: i32 = 6;
const AGAIN_SECONDS: u32 = 7;

/// A separate stack, with a proxy in front of each of its dependencies.
pub struct Stand<'a> {
    /// The cloud on which it runs.
    pub cloud: &'a Cloud,
    /// ARN of its rotation-mq.
    pub rotation: String,
    /// Name of its secret2eks.
    pub delivery: String,
    /// Name of its function for incidents.
    pub incident: String,
    /// The messages of its dead-letter topic.
    pub notices: Notices,
    /// The alerts for people.
    pub alerts: Inbox,
    /// The events of Secrets Manager and the handlers for the account's other systems.
    pub events: AccountEvents,
    /// The cluster's API, without a proxy.
    pub cluster: kube::Client,
    /// The broker's management API, without a proxy.
    pub broker: Management,
    /// The handler's queues.
    pub queues: Vec<DeadLetterQueue>,
    /// The queue for messages that the handler could not handle.
    pub unhandled: DeadLetterQueue,
    name: String,
    admin_secret: String,
    broker_id: String,
    account: Option<Account>,
    accounts: usize,
    restarts: usize,
    asks_again: bool,
    gates: Gates,
}

impl<'a> Stand<'a> {
    /// Deploys the suite again, behind proxies. Secrets Manager's own event and the handler's repeated request do not
    /// start a delivery here, because they would hide a lost request.
    ///
    /// # Errors
    /// When a part refuses.
    pub async fn set_up(cloud: &'a Cloud, number: usize) -> Result<Self> {
        let name = format!("proof{number}");
        let events = AccountEvents::watch(cloud, &name).await?;
        let gates = Gates::before(cloud)?;
        let endpoint = format!("amqps://localhost:{}", gates.amqps.port());
        let (engine, state) = (BrokerEngine::RabbitMq, BrokerState::Running);
        let broker_id = cloud.aws.put_broker(&name, gates.management.url(), &endpoint, engine, state).await?;
        let admin_secret = cloud.create_admin(&name, &json!({"brokerId": broker_id})).await?;
        let variant = deploy(cloud, &name, &gates).await?;
        let config = cloud.aws.sdk_config().await;
        let alert_topic = variant.stack.output("AlertTopicArn")?;
        Ok(Self {
            cloud,
            alerts: Inbox::of_topic(&config, alert_topic, &format!("{name}-alerts")).await?,
            queues: cloud.handler_queues(&variant).await?,
            unhandled: cloud.queue_of(&variant, "UnhandledQueueUrl").await?,
            incident: variant.stack.output("IncidentFunctionName")?.to_owned(),
            rotation: variant.function,
            delivery: variant.delivery.context("the stack has no secret2eks")?,
            notices: variant.notices,
            events,
            cluster: cloud.kubernetes()?.admin()?,
            broker: cloud.broker.pooled_management()?,
            name,
            admin_secret,
            broker_id,
            account: None,
            accounts: 0,
            restarts: 0,
            asks_again: false,
            gates,
        })
    }

    /// The proxy in front of an HTTP place.
    #[must_use]
    pub fn gate(&self, place: Place) -> Option<&Gate> {
        self.gates.at(place)
    }

    /// The number of write calls of the functions to the broker since it was last opened.
    #[must_use]
    pub fn broker_writes(&self) -> usize {
        self.gates.management.writes()
    }

    /// The number of logins so far.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.gates.amqps.connections()
    }

    /// Accepts all connections again, and forgets the calls.
    ///
    /// # Errors
    /// When a proxy has ended.
    pub async fn open(&self) -> Result<()> {
        self.gates.open().await
    }

    /// Checks that all parts of the testbed answer. If a part has ended, every further cell would be violated.
    ///
    /// # Errors
    /// When a part does not answer.
    pub async fn parts_answer(&self) -> Result<()> {
        self.cloud.aws.events_under_way(&self.delivery).await.context("the AWS emulator")?;
        self.broker.call(Method::GET, &["whoami"], None).await.context("the broker")?;
        self.cluster.apiserver_version().await.context("the API server")?;
        Ok(())
    }

    /// Sets whether the handler requests a failed delivery again.
    async fn ask_again(&mut self, wanted: bool) -> Result<()> {
        if self.asks_again != wanted {
            let whom = if wanted { self.delivery.as_str() } else { NOBODY };
            self.cloud.add_variables(&handler(&self.name), &[("SECRET2EKS_FUNCTION", whom)]).await?;
            self.asks_again = wanted;
        }
        Ok(())
    }
}

/// An empty variable is an unset one.
const NOBODY: &str = "";

fn handler(stack: &str) -> String {
    format!("{stack}-dlq-handler")
}

async fn deploy(cloud: &Cloud, name: &str, gates: &Gates) -> Result<Variant> {
    let prefix = format!("{name}/");
    let parameters = [PARAMETERS.as_slice(), &[("SecretNamePrefix", &prefix)]].concat();
    let via = |services: &[&'static str], gate: &Gate| -> Vec<(String, String)> {
        services.iter().map(|name| (format!("AWS_ENDPOINT_URL_{name}"), gate.url().to_owned())).collect()
    };
    let rotation = via(&["SECRETS_MANAGER", "MQ", "LAMBDA"], &gates.rotation_aws);
    let rotation = [rotation, via(&["SNS"], &gates.notices)].concat();
    // With this setting, each step calls Amazon MQ, as a new process does.
    let variables = [borrowed(&rotation).as_slice(), &[("ENDPOINTS_SECONDS", "0")]].concat();
    let variant = cloud.deploy_variant(name, &parameters, &variables).await?;
    let delivery = variant.delivery.as_deref().context("the stack has no secret2eks")?;
    let secret2eks = via(&["SECRETS_MANAGER", "EKS"], &gates.delivery_aws);
    cloud.add_variables(delivery, &borrowed(&secret2eks)).await?;

    let services = ["DYNAMODB", "SECRETS_MANAGER", "EVENTBRIDGE", "SQS", "LAMBDA"];
    let handled = [via(&services, &gates.handler_aws), via(&["SNS"], &gates.alerts)].concat();
    let short = [
        ("CALL_TIMEOUT_SECONDS", CALL),
        ("GRACE_SECONDS", "1"),
        ("REDELIVERY_DELAY_SECONDS", "3"),
        ("SECRET2EKS_FUNCTION", NOBODY),
        // If DescribeSecret fails, it is unknown whether a secret exists.
        ("ALERTS_PER_HOUR", "10000"),
    ];
    cloud.add_variables(&handler(name), &[short.as_slice(), &borrowed(&handled)].concat()).await?;
    let timeout = cloud.lambda.update_function_configuration().timeout(HANDLER_SECONDS);
    timeout.function_name(handler(name)).send().await.context("the handler's timeout is not set")?;
    for queue in cloud.handler_queues(&variant).await? {
        queue.retry_after(AGAIN_SECONDS).await?;
        // The alarms of a new stack send messages at once. A change of the handler may have ended it while it handled
        // them. Then the messages would be invisible for the template's six minutes.
        queue.purge().await?;
    }

    let rules = aws_sdk_eventbridge::Client::new(&cloud.aws.sdk_config().await);
    let helps = variant.stack.resource("CurrentVersionChanged")?;
    rules.disable_rule().name(helps).send().await.context("the rule stays on")?;
    cloud.tell_of_rotations(&variant).await?;
    Ok(variant)
}

fn borrowed(variables: &[(String, String)]) -> Vec<(&str, &str)> {
    variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
