//! Rows E: endpoints of brokers and clusters.

use anyhow::{Context as _, Result};
use aws_sdk_mq::error::ProvideErrorMetadata as _;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::target::Target;
use crate::verdict::{Verdict, confirmed, contradiction, holds, observed, same, undecided};

/// The burst of Amazon MQ's API is 100.
const CALLS: usize = 150;

/// `DescribeBroker`.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn e1(target: &Target) -> Result<Verdict> {
    let Some(broker) = &target.broker else { return undecided("no broker was given (--broker-id)") };
    holds(broker.starts_with("b-"), || "the broker's id does not begin with b-".to_owned())?;
    let answer = target.cli()?.call(&["mq", "describe-broker", "--broker-id", broker]).await?;
    let at = |path: &str| answer.pointer(path).unwrap_or(&Value::Null);
    same("EngineType", &at("/EngineType").as_str().map(str::to_uppercase), &Some("RABBITMQ".to_owned()))?;
    holds(at("/BrokerState").is_string(), || "no BrokerState".to_owned())?;
    let instances = at("/BrokerInstances").as_array().cloned().unwrap_or_default();
    let starts = |path: &str, scheme: &str| {
        instances
            .iter()
            .any(|one| one.pointer(path).and_then(Value::as_str).is_some_and(|url| url.starts_with(scheme)))
    };
    holds(starts("/ConsoleURL", "https://"), || "no ConsoleURL with https".to_owned())?;
    holds(starts("/Endpoints/0", "amqps://"), || "no endpoint with amqps".to_owned())?;
    let mode = at("/DeploymentMode").as_str().unwrap_or("?");
    observed(format!(
        "{} instances for {mode}, state {}",
        instances.len(),
        at("/BrokerState").as_str().unwrap_or("?")
    ))
}

/// `DescribeCluster`.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn e2(target: &Target) -> Result<Verdict> {
    let Some(cluster) = &target.cluster else { return undecided("no cluster was given (--cluster)") };
    let answer = target.cli()?.call(&["eks", "describe-cluster", "--name", cluster]).await?;
    let text = |path: &str| answer.pointer(path).and_then(Value::as_str).unwrap_or_default();
    holds(text("/cluster/endpoint").starts_with("https://"), || "no endpoint with https".to_owned())?;
    let authority = text("/cluster/certificateAuthority/data");
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    holds(!authority.is_empty() && authority.chars().all(is_base64), || {
        "no certificate in base64".to_owned()
    })?;
    confirmed()
}

/// The limit of `DescribeBroker`.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn e5(target: &Target) -> Result<Verdict> {
    let broker = target.broker.as_ref().context("no broker was given (--broker-id)")?;
    // An attempt that the SDK repeats would hide the refusal.
    let once = aws_config::retry::RetryConfig::disabled();
    let config = aws_sdk_mq::config::Builder::from(&target.config).retry_config(once).build();
    let client = aws_sdk_mq::Client::from_conf(config);
    let calls = (0..CALLS).map(|_| client.describe_broker().broker_id(broker).send());
    let answers = join_all(calls).await;
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    let Some(first) = refused.first() else {
        return Err(contradiction(format!("all of {CALLS} calls at once were served")));
    };
    let statuses: Vec<u16> =
        refused.iter().filter_map(|error| Some(error.raw_response()?.status().as_u16())).collect();
    holds(statuses.iter().all(|status| *status == 429), || format!("refused with {statuses:?}"))?;
    let code = json!(first.code());
    observed(format!("{} of {CALLS} calls at once were refused, code {code}", refused.len()))
}
