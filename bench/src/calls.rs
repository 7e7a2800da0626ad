//! Counts the calls of one rotation to AWS and to the broker, with proxies between them and the function.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde::{Deserialize, Serialize};
use testbed::aws::{BrokerEngine, BrokerState, RotationOptions};
use testbed::cloud::Cloud;
use testbed::fault_proxy::{Call, FaultProxy};
use testbed::tcp_proxy::TcpProxy;

use crate::table::Table;

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const USER: &str = "counted";
const LOGIN: &str = "AMQPS login";
/// Every service that the function may call.
const SERVICES: [&str; 4] = ["SECRETS_MANAGER", "MQ", "SNS", "LAMBDA"];
const LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The number of calls of each operation, by step.
pub type Counts = BTreeMap<String, [usize; 4]>;

/// The calls of a rotation when both users exist.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
        name_endpoints(cloud, proxies.management.url(), proxies.amqps.port()).await?;
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
        nobody_is_listed(cloud).await?;
        let no_steps = RotationOptions { steps: Some(0), ..RotationOptions::default() };
        cloud.aws.set_rotation_options(Some(&app.arn), &no_steps).await?;
        let version = start_rotation(cloud, &app.arn, &function).await?;
        cloud.aws.wait_for_rotation(&app.arn, Some(&version), LIMIT).await?;
        let mut calls = Self::default();
        for (index, step) in STEPS.into_iter().enumerate() {
            calls.count_step(cloud, &proxies, &app.arn, &version, (index, step)).await?;
        }
        // The proxies end now.
        name_endpoints(cloud, &cloud.broker.management_url(), cloud.broker.amqps_port()).await?;
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
        add(|calls| &mut calls.broker, LOGIN.to_owned(), logins);
        Ok(())
    }

    /// The calls to AWS: how often each step makes them.
    #[must_use]
    pub fn to_aws(&self) -> &Counts {
        &self.aws
    }

    /// The calls to the broker: how often each step makes them.
    #[must_use]
    pub fn to_broker(&self) -> &Counts {
        &self.broker
    }

    /// The number of calls to AWS in one rotation.
    #[must_use]
    pub fn aws(&self) -> usize {
        self.aws.values().flatten().sum()
    }

    /// The number of calls to the broker's management API in one rotation.
    #[must_use]
    pub fn management(&self) -> usize {
        self.broker.values().flatten().sum::<usize>() - self.logins()
    }

    /// The number of logins over AMQPS in one rotation.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.broker.get(LOGIN).into_iter().flatten().sum()
    }

    /// A table of the calls to AWS and a table of the calls to the broker, by operation and step.
    #[must_use]
    pub fn tables(&self) -> [Table; 2] {
        [&self.aws, &self.broker].map(|counts| {
            let mut table = Table::new(&["call", "create", "set", "test", "finish", "all"]);
            for (operation, times) in counts {
                let cell = |times: usize| if times == 0 { String::new() } else { times.to_string() };
                let [create, set, test, finish] = times.map(cell);
                let sum = times.iter().sum::<usize>().to_string();
                table.row([format!("`{operation}`"), create, set, test, finish, sum]);
            }
            table
        })
    }

    #[cfg(test)]
    pub(crate) fn example() -> Self {
        let count = |name: &str, times| (name.to_owned(), times);
        Self {
            aws: [count("GetSecretValue", [1, 3, 2, 1])].into(),
            broker: [count("GET /api/users/USER", [0, 2, 1, 0]), count(LOGIN, [0, 0, 1, 1])].into(),
        }
    }
}

/// Changes the endpoints of the broker in Amazon MQ.
async fn name_endpoints(cloud: &Cloud, management_url: &str, amqps_port: u16) -> Result<()> {
    let amqps = format!("amqps://localhost:{amqps_port}");
    let (rabbit, running) = (BrokerEngine::RabbitMq, BrokerState::Running);
    cloud.aws.put_broker("testbed", management_url, &amqps, rabbit, running).await.map(drop)
}

/// Waits until the broker lists no connection of the pair. The function's own logins stay listed for a moment after
/// they have closed, and setSecret asks for details of a connection that is listed. On AWS, a day lies between two rotations.
async fn nobody_is_listed(cloud: &Cloud) -> Result<()> {
    let management = cloud.broker.management()?;
    let began = Instant::now();
    for user in [USER.to_owned(), format!("{USER}_clone")] {
        while !management.connections_of(&user).await?.is_empty() {
            ensure!(began.elapsed() < LIMIT, "the broker lists connections of `{user}` after {LIMIT:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_no_calls_of_the_management_api() {
        let calls = Calls::example();
        assert_eq!([calls.aws(), calls.management(), calls.logins()], [7, 3, 2]);
        let [_, broker] = calls.tables();
        let text = broker.markdown();
        assert!(text.contains("| `AMQPS login` "), "{text}");
    }
}
