//! The Lambda function: reads the environment, builds the clients once, and runs when it is called.

use std::process::ExitCode;

use lambda_boundary::{aws_sdk, now, serve, start, wrong_configuration};
use messages::{Inspections, Topic};
use rotation_watch::Watch;
use rotation_watch::config::Config;
use rotation_watch::handler::handle;
use rotation_watch::inspection::Inspecting;
use rotation_watch::memory_table::MemoryTable;
use rotation_watch::secret_store::SecretStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Config::read(&start("rotation_watch")) {
        Ok(config) => {
            let watch = connect(config).await;
            serve(|event| handle(&watch, event)).await
        }
        // Lambda's record of the failed run reports it.
        Err(error) => wrong_configuration(&error),
    }
}

async fn connect(config: Config) -> Watch {
    let timeout = config.call_timeout;
    let aws = aws_sdk(timeout).await;
    let inspecting = config.inspect.clone().map(|(function, topic)| Inspecting {
        function: Inspections::new(&aws, function),
        notices: Topic::new(&aws, topic, timeout),
    });
    Watch {
        secrets: SecretStore::new(&aws, timeout),
        memory: MemoryTable::new(&aws, config.table.clone(), timeout),
        alerts: Topic::new(&aws, config.alert_topic.clone(), timeout),
        inspecting,
        now,
        config,
    }
}
