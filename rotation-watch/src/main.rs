//! The Lambda function: reads the environment, builds the clients once, and runs when it is called.

use std::process::ExitCode;

use lambda_boundary::aws_sdk;
use lambda_runtime::{LambdaEvent, service_fn};
use messages::Topic;
use rotation_watch::Watch;
use rotation_watch::config::Config;
use rotation_watch::handler::handle;
use rotation_watch::memory_table::MemoryTable;
use rotation_watch::secret_store::SecretStore;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda_boundary::init_logging("rotation_watch");
    lambda_boundary::init_metrics(variable("METRIC_NAMESPACE"));
    let config = match Config::read(variable) {
        Ok(config) => config,
        // Lambda's record of the failed run tells.
        Err(error) => {
            tracing::error!(kind = contract::Kind::ConfigurationInvalid.as_str(), "{error}");
            return ExitCode::FAILURE;
        }
    };
    let watch = connect(config).await;
    let served = lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&watch, event))).await;
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

async fn connect(config: Config) -> Watch {
    let timeout = config.call_timeout;
    let aws = aws_sdk(timeout).await;
    Watch {
        secrets: SecretStore::new(&aws, timeout),
        memory: MemoryTable::new(&aws, config.table.clone(), timeout),
        alerts: Topic::new(&aws, config.alert_topic.clone(), timeout),
        now,
        config,
    }
}
