//! One deployed suite behind proxies, with an application's secret: where one cell after the other runs.

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
use self::gates::Gates;

/// Where the secrets of all stands go.
pub const NAMESPACE: &str = "proof";
/// Short limits, for a cell waits for them; and yet longer than a call takes on a busy machine.
const PARAMETERS: [(&str, &str); 3] =
    [("EksClusterName", CLUSTER), ("CallTimeoutSeconds", CALL), ("SyncTimeoutSeconds", "8")];
const CALL: &str = "2";
/// How long dlq-handler may take, and after how long SQS delivers a message again that it could not handle.
const HANDLER_SECONDS: i32 = 6;
const AGAIN_SECONDS: u32 = 7;

/// A stack of its own, and what stands before each of its dependencies.
pub struct Stand<'a> {
    /// The cloud that it runs on.
    pub cloud: &'a Cloud,
    /// ARN of its rotation-mq.
    pub rotation: String,
    /// Name of its secret2eks.
    pub delivery: String,
    /// What arrives in its dead-letter queue.
    pub notices: Notices,
    /// What people are told.
    pub alerts: Inbox,
    /// What Secrets Manager and the handlers tell the account's other systems.
    pub events: AccountEvents,
    /// The cluster's API, directly.
    pub cluster: kube::Client,
    /// The broker's management API, directly.
    pub broker: Management,
    /// The queues before the handler.
    pub queues: Vec<DeadLetterQueue>,
    /// Where a message rests that the handler could not handle.
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
    /// Deploys the suite once more, behind proxies. Nobody helps a delivery: Secrets Manager's own event and the handler's
    /// repeated request would hide that a request was lost.
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

    /// The proxy before a place that speaks HTTP.
    #[must_use]
    pub fn gate(&self, place: Place) -> Option<&Gate> {
        self.gates.at(place)
    }

    /// How many times the functions have asked the broker to change something since it was opened last.
    #[must_use]
    pub fn broker_writes(&self) -> usize {
        self.gates.management.writes()
    }

    /// How many logins there were so far.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.gates.amqps.connections()
    }

    /// Lets everybody through again, and forgets the calls.
    ///
    /// # Errors
    /// When a proxy has ended.
    pub async fn open(&self) -> Result<()> {
        self.gates.open().await
    }

    /// All parts of the testbed answer. One that has ended violates every cell, which says nothing of the cells.
    ///
    /// # Errors
    /// When one does not.
    pub async fn parts_answer(&self) -> Result<()> {
        self.cloud.aws.events_under_way(&self.delivery).await.context("the AWS emulator")?;
        self.broker.call(Method::GET, &["whoami"], None).await.context("the broker")?;
        self.cluster.apiserver_version().await.context("the API server")?;
        Ok(())
    }

    /// Whether the handler asks for a failed delivery again.
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
    // So that Amazon MQ is asked in each step, as a process that has just started asks.
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
        // Where DescribeSecret is hit, it is not known whether a secret exists.
        ("ALERTS_PER_HOUR", "10000"),
    ];
    cloud.add_variables(&handler(name), &[short.as_slice(), &borrowed(&handled)].concat()).await?;
    let timeout = cloud.lambda.update_function_configuration().timeout(HANDLER_SECONDS);
    timeout.function_name(handler(name)).send().await.context("the handler's timeout is not set")?;
    for queue in cloud.handler_queues(&variant).await? {
        queue.retry_after(AGAIN_SECONDS).await?;
        // The alarms of a new stack speak at once. A change of the handler may have ended it over their messages, which
        // would be away for the template's six minutes then.
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
