//! One deployed suite behind proxies, with an application's secret: where one cell after the other runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::call_name::{Names, call_name};
use super::evidence::Failures;
use super::fault::Fault;
use super::gate::Gate;
use super::place::Place;
use super::point::Point;
use crate::aws::{BrokerEngine, BrokerState};
use crate::cloud::{Cloud, Notices, Variant, kill_function};
use crate::fault_proxy::{Call, Rule};
use crate::kubernetes::CLUSTER;
use crate::management::Management;
use crate::tcp_proxy::{TcpFault, TcpProxy};

mod account;

pub use self::account::{Account, RECEIPT};

/// To find and kill a process takes long on a busy machine.
const DEATH: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(10);
/// Where the secrets of all stands go.
pub const NAMESPACE: &str = "proof";
/// Short limits, for a cell waits for them; and yet longer than a call takes on a busy machine.
const PARAMETERS: [(&str, &str); 3] =
    [("EksClusterName", CLUSTER), ("CallTimeoutSeconds", "2"), ("SyncTimeoutSeconds", "8")];

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
    /// What Secrets Manager itself tells of failed rotations.
    pub failures: &'a Failures,
    /// The cluster's API, directly.
    pub cluster: kube::Client,
    /// The broker's management API, directly.
    pub broker: Management,
    name: String,
    rotation_name: String,
    admin_secret: String,
    broker_id: String,
    account: Option<Account>,
    accounts: usize,
    restarts: usize,
    rotation_aws: Gate,
    management: Gate,
    amqps: Arc<TcpProxy>,
    sns: Gate,
    delivery_aws: Gate,
    kubernetes: Gate,
}

impl<'a> Stand<'a> {
    /// Deploys the suite once more, behind proxies. Nobody helps: Secrets Manager's own event and the
    /// handler's redelivery would hide that a request was lost.
    ///
    /// # Errors
    /// When a part refuses.
    pub async fn set_up(cloud: &'a Cloud, failures: &'a Failures, number: usize) -> Result<Self> {
        let name = format!("proof{number}");
        let cluster = cloud.kubernetes()?;
        let rotation_aws = Gate::before(cloud.aws.endpoint(), None)?;
        let sns = Gate::before(cloud.aws.endpoint(), None)?;
        let delivery_aws = Gate::before(cloud.aws.endpoint(), None)?;
        let management = Gate::before(&cloud.broker.management_url(), Some(&cloud.certificates))?;
        let amqps = Arc::new(TcpProxy::start(cloud.broker.amqps_port())?);
        let kubernetes = Gate::before(&cluster.endpoint(), Some(&cluster.certificates()))?;
        delivery_aws.http().replace_in_answers(&cluster.endpoint(), kubernetes.url());
        let endpoint = format!("amqps://localhost:{}", amqps.port());
        let (engine, state) = (BrokerEngine::RabbitMq, BrokerState::Running);
        let broker_id = cloud.aws.put_broker(&name, management.url(), &endpoint, engine, state).await?;
        let admin_secret = cloud.create_admin(&name, &serde_json::json!({"brokerId": broker_id})).await?;
        let variant = deploy(cloud, &name, [&rotation_aws, &sns, &delivery_aws].map(Gate::url)).await?;
        Ok(Self {
            cloud,
            rotation: variant.function,
            delivery: variant.delivery.context("the stack has no secret2eks")?,
            notices: variant.notices,
            failures,
            cluster: cluster.admin()?,
            broker: cloud.broker.pooled_management()?,
            rotation_name: format!("{name}-rotation-mq"),
            name,
            admin_secret,
            broker_id,
            account: None,
            accounts: 0,
            restarts: 0,
            rotation_aws,
            management,
            amqps,
            sns,
            delivery_aws,
            kubernetes,
        })
    }

    /// The proxy before a place that speaks HTTP.
    #[must_use]
    pub fn gate(&self, place: Place) -> Option<&Gate> {
        match place {
            Place::RotationAws => Some(&self.rotation_aws),
            Place::Management => Some(&self.management),
            Place::Notices => Some(&self.sns),
            Place::DeliveryAws => Some(&self.delivery_aws),
            Place::Kubernetes => Some(&self.kubernetes),
            Place::Amqps => None,
        }
    }

    /// How many logins there were so far.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.amqps.connections()
    }

    /// Lets everybody through again, and forgets the calls.
    ///
    /// # Errors
    /// When a proxy has ended.
    pub async fn open(&self) -> Result<()> {
        for place in Place::ALL {
            if let Some(gate) = self.gate(place) {
                gate.open().await?;
            }
        }
        self.amqps.forget_faults();
        self.amqps.listen(true).await
    }

    /// Until it is opened, the broker sets no password: a rotation fails, and has to tell of it.
    pub fn let_it_fail(&self) {
        let no_password = |call: &Call| call.method == "PUT" && call.path.starts_with("/api/users/");
        let refusal = Fault::AlwaysAnswers(500).over_http(Place::Management);
        self.management.http().inject(Rule::always(no_password, refusal));
    }

    /// Prepares the fault; tells later whether its call came.
    pub fn arm(&self, point: &Point, fault: Fault, names: &Names) -> Arc<Reached> {
        let reached = Arc::new(Reached::default());
        let function = fault.kills().then(|| {
            if point.place.is_of_delivery() { self.delivery.clone() } else { self.rotation_name.clone() }
        });
        let at_it = {
            let (reached, endpoint) = (Arc::clone(&reached), self.cloud.aws.endpoint().to_owned());
            move || {
                reached.begun.store(true, Ordering::SeqCst);
                if let Some(function) = &function {
                    kill_function(&endpoint, function);
                }
                reached.done.store(true, Ordering::SeqCst);
            }
        };
        let Some(gate) = self.gate(point.place) else {
            self.arm_login(point.nth, fault, Arc::new(at_it));
            return reached;
        };
        let (place, call, names) = (point.place, point.call.clone(), names.clone());
        let matches = move |found: &Call| call_name(place, found, &names) == call;
        let refuse = (fault == Fault::Refused).then(|| gate.refusal());
        let at_it = move || {
            at_it();
            if let Some(refuse) = &refuse {
                refuse();
            }
        };
        gate.arm(point.nth, matches, fault.over_http(place), fault.lasts(), at_it);
        reached
    }

    /// A login is one connection, and never repeated. One that is refused must be so before it comes.
    fn arm_login(&self, nth: usize, fault: Fault, at_it: Arc<dyn Fn() + Send + Sync>) {
        if fault != Fault::Refused {
            self.amqps.fault_at(nth, fault.over_tcp(), Some(at_it));
            return;
        }
        let proxy = Arc::clone(&self.amqps);
        let go_away = move || {
            at_it();
            proxy.refuse();
        };
        if nth == 1 {
            go_away();
        } else {
            self.amqps.fault_at(nth - 1, TcpFault::CutAfter(usize::MAX), Some(Arc::new(go_away)));
        }
    }
}

/// Whether the call of a fault has come.
#[derive(Debug, Default)]
pub struct Reached {
    begun: AtomicBool,
    done: AtomicBool,
}

impl Reached {
    /// Whether it has; a process that is being killed is dead then, so that its successor is not hit.
    ///
    /// # Errors
    /// When it is not dead after a while.
    pub async fn ended(&self) -> Result<bool> {
        let began = Instant::now();
        while self.begun.load(Ordering::SeqCst) && !self.done.load(Ordering::SeqCst) {
            ensure!(began.elapsed() < DEATH, "the function was not killed within {DEATH:?}");
            tokio::time::sleep(LOOK).await;
        }
        Ok(self.done.load(Ordering::SeqCst))
    }
}

async fn deploy(cloud: &Cloud, name: &str, [aws, sns, delivery_aws]: [&str; 3]) -> Result<Variant> {
    let prefix = format!("{name}/");
    let parameters = [PARAMETERS.as_slice(), &[("SecretNamePrefix", &prefix)]].concat();
    let variables = [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws),
        ("AWS_ENDPOINT_URL_MQ", aws),
        ("AWS_ENDPOINT_URL_LAMBDA", aws),
        ("AWS_ENDPOINT_URL_SNS", sns),
    ];
    let variant = cloud.deploy_variant(name, &parameters, &variables).await?;
    let delivery = variant.delivery.as_deref().context("the stack has no secret2eks")?;
    let variables =
        [("AWS_ENDPOINT_URL_SECRETS_MANAGER", delivery_aws), ("AWS_ENDPOINT_URL_EKS", delivery_aws)];
    cloud.add_variables(delivery, &variables).await?;
    variant.let_nobody_help(cloud).await?;
    Ok(variant)
}
