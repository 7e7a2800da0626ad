//! The Lambda function: reads the environment, builds the clients once, and serves events.

use std::process::ExitCode;

use contract::Kind;
use lambda_boundary::aws_sdk;
use lambda_runtime::{LambdaEvent, service_fn};
use secret2eks::Delivery;
use secret2eks::cluster::Cluster;
use secret2eks::config::Config;
use secret2eks::eks_cluster::EksCluster;
use secret2eks::handler::{handle, refuse};
use secret2eks::secret_store::SecretStore;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda_boundary::init_logging("secret2eks");
    lambda_boundary::init_metrics(variable("METRIC_NAMESPACE"));
    let served = match Config::read(variable) {
        Ok(config) => serve(config).await,
        Err(error) => {
            tracing::error!(kind = Kind::ConfigurationInvalid.as_str(), "{error}");
            lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| refuse(&error))).await
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> Result<(), lambda_runtime::Error> {
    let aws = aws_sdk(config.call_timeout).await;
    let credentials = aws.credentials_provider().ok_or("the function has no AWS credentials")?;
    let region = aws.region().ok_or("the function has no AWS region")?.to_string();
    let timeout = config.call_timeout;
    let eks = EksCluster::new(&aws, config.cluster.clone(), timeout);
    let delivery = Delivery {
        secrets: SecretStore::new(&aws, timeout),
        cluster: Cluster::new(eks, credentials, region, timeout),
        now,
        config,
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&delivery, event))).await
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
