//! Hostile answers of Secrets Manager and Amazon MQ, through the SDK that reads them. See the crate `hostile`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use contract::BrokerAddress;
use hostile::{Report, Target, canary};
use rotation_mq::amazon_mq::AmazonMq;
use rotation_mq::secret_store::SecretStore;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const LIMIT: Duration = Duration::from_secs(5);

/// The answer to each request.
#[derive(Debug, Clone, Default)]
struct Answer(Arc<Mutex<(u16, String)>>);

impl Answer {
    /// Answers with what a document says: `status` and `body`. A body that is a text is sent as it is.
    fn set(&self, document: &Value) {
        let status = document["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let body = document["body"].as_str().map_or_else(|| document["body"].to_string(), str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (status.unwrap_or(200), body);
    }
}

impl HttpConnector for Answer {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let (status, body) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        HttpConnectorFuture::ready(match StatusCode::try_from(status) {
            Ok(status) => Ok(HttpResponse::new(status, SdkBody::from(body))),
            Err(_) => Err(ConnectorError::io("the status line cannot be read".into())),
        })
    }
}

fn config(answer: &Answer) -> SdkConfig {
    let connector = SharedHttpConnector::new(answer.clone());
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "tests")))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn refusal(code: &str) -> Value {
    json!({"status": 400, "body": {"__type": code, "Message": "no"}})
}

#[test]
fn hostile_input_secrets_manager_answers_are_read_or_refused_without_the_value() -> std::io::Result<()> {
    let value = json!({"engine": "rabbitmq", "username": "payment", "password": canary::PASSWORD, "brokerId": "b-1234"});
    let documents = [
        json!({"status": 200, "body": {"ARN": ARN, "Name": "rabbitmq/payment", "RotationEnabled": true,
            "CreatedDate": 1_900_000_000.5, "NextRotationDate": 1_900_000_000, "Tags": [{"Key": "tenant", "Value": "shop"}],
            "VersionIdsToStages": {"v1": ["AWSCURRENT"], "v2": ["AWSPENDING"]}}}),
        json!({"status": 200, "body": {"ARN": ARN, "Name": "rabbitmq/payment", "VersionId": "v1",
            "SecretString": value.to_string(), "VersionStages": ["AWSCURRENT"], "CreatedDate": 1_900_000_000.5}}),
        json!({"status": 200, "body": {"ARN": ARN, "VersionId": "v1", "SecretBinary": "AAEC"}}),
        json!({"status": 200, "body": {"ARN": ARN, "Versions": [{"VersionId": "v1", "CreatedDate": 1, "VersionStages": []}]}}),
        refusal("ResourceNotFoundException"),
        refusal("AccessDeniedException"),
        json!({"status": 503, "body": "<html>busy</html>"}),
    ];
    let answer = Answer::default();
    let store = SecretStore::new(&config(&answer), LIMIT);
    let runtime = runtime()?;
    let names = &["Secrets Manager", "version ", "the secret"];
    hostile::run(&Target::of("secrets-manager-answers", names).slow(), &documents, |document| {
        answer.set(document);
        runtime.block_on(async {
            let described = store.describe("rabbitmq/payment").await;
            let current = store.current("rabbitmq/payment").await;
            let newest = store.newest_versions("rabbitmq/payment", 5).await;
            assert!(newest.as_ref().map_or(0, Vec::len) <= 5, "more versions than were asked for");
            // The tags of a description are public.
            let report = match &current {
                Ok(version) => Report::accepted(&version.value),
                Err(error) => Report::refused(error),
            };
            let others = [described.err(), newest.err()];
            others.iter().flatten().fold(report, Report::and_error)
        })
    });
    Ok(())
}

#[test]
fn hostile_input_amazon_mq_answers_are_read_or_refused_by_the_name_of_the_broker() -> std::io::Result<()> {
    let instance = json!({"consoleURL": "https://b-1234.mq.eu-central-1.amazonaws.com",
        "endpoints": ["amqps://b-1234.mq.eu-central-1.amazonaws.com:5671"]});
    let broker = |state: &str, engine: &str| {
        json!({"status": 200, "body": {"brokerId": "b-1234", "brokerState": state, "engineType": engine,
            "engineVersion": "3.13", "brokerInstances": [instance], "actionsRequired": [{"actionRequiredCode": "RABBITMQ_DISK_ALARM"}],
            "users": [{"username": "payment", "password": canary::PASSWORD}]}})
    };
    let documents = [
        broker("RUNNING", "RABBITMQ"),
        broker("CRITICAL_ACTION_REQUIRED", "RabbitMQ"),
        broker("DELETION_IN_PROGRESS", "RABBITMQ"),
        broker("RUNNING", "ACTIVEMQ"),
        json!({"status": 404, "body": {"errorAttribute": "broker-id", "message": "no"}}),
    ];
    let answer = Answer::default();
    // Nothing is kept, so each input is asked for.
    let amazon_mq = AmazonMq::new(&config(&answer), LIMIT, Duration::ZERO);
    let runtime = runtime()?;
    let names = &["Amazon MQ", "the broker `"];
    hostile::run(&Target::of("amazon-mq-answers", names).slow(), &documents, |document| {
        answer.set(document);
        let address = BrokerAddress::Id("b-1234".to_owned());
        let endpoints = runtime.block_on(amazon_mq.endpoints(&address));
        if let Ok(endpoints) = &endpoints {
            assert!(endpoints.management_url.starts_with("https://"), "a login would be sent in plaintext");
        }
        match &endpoints {
            Ok(endpoints) => {
                let condition = runtime.block_on(amazon_mq.condition("b-1234"));
                let reported = amazon_mq.reported("b-1234").unwrap_or_default();
                let texts = [
                    Some(&endpoints.host),
                    condition.as_ref(),
                    reported.state.as_ref(),
                    reported.version.as_ref(),
                ];
                assert!(
                    texts.iter().flatten().all(|text| text.len() <= 400),
                    "a text of Amazon MQ is too long"
                );
                assert!(endpoints.management_url.len() <= 400, "the URL is too long");
                Report::accepted(&(endpoints, condition, reported))
            }
            Err(error) => Report::refused(error),
        }
    });
    Ok(())
}
