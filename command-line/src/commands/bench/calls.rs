//! Counts the calls of one rotation to AWS and to the broker, with proxies between them and the function.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use testbed::aws::{BrokerEngine, BrokerState, RotationOptions};
use testbed::cloud::Cloud;
use testbed::fault_proxy::{Call, FaultProxy};
use testbed::tcp_proxy::TcpProxy;

use crate::commands::report::say;

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const USER: &str = "counted";
/// Every service that the function may call.
const SERVICES: [&str; 4] = ["SECRETS_MANAGER", "MQ", "SNS", "LAMBDA"];
const LIMIT: Duration = Duration::from_secs(60);

/// The number of calls of each operation, by step.
type Counts = BTreeMap<String, [usize; 4]>;

/// The calls of a rotation when both users exist.
#[derive(Debug, Default)]
pub struct Calls {
    aws: Counts,
    broker: Counts,
}

struct Proxies {
    aws: FaultProxy,
    management: FaultProxy,
    amqps: TcpProxy,
}

impl Calls {
    /// Rotates a secret with a deployment of the function that calls AWS and the broker through the proxies.
    ///
    /// # Errors
    /// When something does not start, or a step fails.
    pub async fn count(cloud: &Cloud) -> Result<Self> {
        let proxies = Proxies {
            aws: FaultProxy::http(cloud.aws.endpoint())?,
            management: FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?,
            amqps: TcpProxy::start(cloud.broker.amqps_port())?,
        };
        let amqps = format!("amqps://localhost:{}", proxies.amqps.port());
        let (rabbit, running) = (BrokerEngine::RabbitMq, BrokerState::Running);
        cloud.aws.put_broker("testbed", proxies.management.url(), &amqps, rabbit, running).await?;
        let variables: Vec<_> =
            SERVICES.map(|name| (format!("AWS_ENDPOINT_URL_{name}"), proxies.aws.url())).to_vec();
        let variables: Vec<_> = variables.iter().map(|(name, url)| (name.as_str(), *url)).collect();
        let function = cloud.deploy_variant("counted", &[], &variables).await?.function;

        let app = cloud.create_app(USER).await?;
        for _ in 0..2 {
            let version = start_rotation(cloud, &app.arn, &function).await?;
            let rotation = cloud.aws.wait_for_rotation(&app.arn, Some(&version), LIMIT).await?;
            ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        }
        let no_steps = RotationOptions { steps: Some(0), ..RotationOptions::default() };
        cloud.aws.set_rotation_options(Some(&app.arn), &no_steps).await?;
        let version = start_rotation(cloud, &app.arn, &function).await?;
        cloud.aws.wait_for_rotation(&app.arn, Some(&version), LIMIT).await?;
        let mut calls = Self::default();
        for (index, step) in STEPS.into_iter().enumerate() {
            calls.count_step(cloud, &proxies, &app.arn, &version, (index, step)).await?;
        }
        Ok(calls)
    }

    async fn count_step(
        &mut self,
        cloud: &Cloud,
        proxies: &Proxies,
        secret: &str,
        version: &str,
        (index, step): (usize, &str),
    ) -> Result<()> {
        proxies.aws.reset();
        proxies.management.reset();
        let logins_before = proxies.amqps.connections();
        let ended = cloud.aws.invoke_step(secret, version, step).await?;
        ensure!(ended.outcome == "succeeded", "{ended:?}");
        let mut add = |counts: fn(&mut Self) -> &mut Counts, operation: String, times: usize| {
            if let Some(count) = counts(self).entry(operation).or_default().get_mut(index) {
                *count += times;
            }
        };
        for call in proxies.aws.calls() {
            add(|calls| &mut calls.aws, aws_operation(&call), 1);
        }
        for call in proxies.management.calls() {
            add(|calls| &mut calls.broker, management_operation(&call), 1);
        }
        let logins = proxies.amqps.connections() - logins_before;
        add(|calls| &mut calls.broker, "AMQPS login".to_owned(), logins);
        Ok(())
    }

    /// The number of calls to AWS in one rotation.
    pub fn aws(&self) -> usize {
        self.aws.values().flatten().sum()
    }

    /// The number of calls to the broker in one rotation, HTTP and AMQPS.
    pub fn broker(&self) -> usize {
        self.broker.values().flatten().sum()
    }

    /// Prints a table by operation and step.
    pub fn print(&self) {
        let line = |name: &str, cells: [String; 4], sum: &str| {
            let [create, set, test, finish] = cells;
            say(&format!("  {name:45} {create:>6} {set:>6} {test:>6} {finish:>6} {sum:>6}"));
        };
        for (title, counts) in [("AWS", &self.aws), ("the broker", &self.broker)] {
            say(&format!("calls to {title} in one rotation, when both users exist"));
            line("", ["create", "set", "test", "finish"].map(str::to_owned), "all");
            for (operation, times) in counts {
                let cell = |times: usize| if times == 0 { String::new() } else { times.to_string() };
                line(operation, times.map(cell), &times.iter().sum::<usize>().to_string());
            }
            say("");
        }
    }
}

async fn start_rotation(cloud: &Cloud, secret: &str, function: &str) -> Result<String> {
    let rules = RotationRulesType::builder().automatically_after_days(1).build();
    let rotate = cloud.secrets.rotate_secret().secret_id(secret).rotation_lambda_arn(function);
    let started = rotate.rotation_rules(rules).send().await.context("the rotation was not started")?;
    started.version_id.context("a rotation without a version")
}

/// Amazon MQ's API has paths, and the APIs of the other services have names of operations.
fn aws_operation(call: &Call) -> String {
    if call.method == "GET" && call.path.starts_with("/v1/brokers/") {
        "DescribeBroker".to_owned()
    } else {
        call.operation()
    }
}

/// The method and the path without the names of users.
fn management_operation(call: &Call) -> String {
    let path = call.path.split('?').next().unwrap_or_default();
    let clone = format!("{USER}_clone");
    let segments = path.split('/').map(|segment| match segment {
        _ if segment == clone || segment == USER => "USER",
        "%2F" => "VHOST",
        other => other,
    });
    format!("{} {}", call.method, segments.collect::<Vec<_>>().join("/"))
}
