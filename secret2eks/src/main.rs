//! The Lambda function: reads the environment, builds the clients once, and serves events.

use std::process::ExitCode;

use lambda_boundary::{aws_sdk, cannot_start, now, serve, start, wrong_configuration};
use messages::{DeliveryRequests, Inspections};
use secret2eks::Delivery;
use secret2eks::cluster::Cluster;
use secret2eks::config::Config;
use secret2eks::eks_cluster::EksCluster;
use secret2eks::handler::{handle, refuse};
use secret2eks::secret_store::SecretStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = match Config::read(&start("secret2eks")) {
        Ok(config) => config,
        Err(error) => {
            wrong_configuration(&error);
            return serve(async |_| refuse(&error)).await;
        }
    };
    match connect(config).await {
        Ok(delivery) => serve(|event| handle(&delivery, event)).await,
        Err(error) => cannot_start(&error),
    }
}

async fn connect(config: Config) -> Result<Delivery, lambda_runtime::Error> {
    let timeout = config.call_timeout;
    let aws = aws_sdk(timeout).await;
    let credentials = aws.credentials_provider().ok_or("the function has no AWS credentials")?;
    let region = aws.region().ok_or("the function has no AWS region")?.to_string();
    let eks = EksCluster::new(&aws, config.cluster.clone(), timeout);
    Ok(Delivery {
        secrets: SecretStore::new(&aws, timeout),
        cluster: Cluster::new(eks, credentials, region, timeout),
        requests: DeliveryRequests::new(&aws, config.function.clone(), timeout),
        inspections: config.inspect.clone().map(|function| Inspections::new(&aws, function)),
        now,
        config,
    })
}
