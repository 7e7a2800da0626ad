//! What Amazon MQ reports about a broker, and how often the function asks it.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::aws::{BrokerEngine, BrokerState};
use testbed::cloud::{App, Cloud};
use testbed::fault_proxy::{Fault, FaultProxy, Rule};

use crate::bad_brokers::set_secret_fails;
use crate::support::{converged, current_logs_in};

/// A secret whose broker has this state and these endpoints in Amazon MQ. Returns also the broker's ID.
async fn app_on(cloud: &Cloud, prefix: &str, console: &str, state: BrokerState) -> Result<(App, String)> {
    let user = name(prefix);
    let amqps = format!("amqps://localhost:{}", cloud.broker.amqps_port());
    let id = cloud.aws.put_broker(&user, console, &amqps, BrokerEngine::RabbitMq, state).await?;
    let admin = cloud.create_admin(&user, &json!({"brokerId": id})).await?;
    Ok((cloud.create_app_with(&user, &json!({"brokerId": id, "masterarn": admin})).await?, id))
}

#[test]
fn a_broker_with_a_fault_or_in_a_reboot_that_answers_is_rotated_on_and_revoked_on() -> Result<()> {
    on_the_cloud(async |cloud| {
        for (prefix, state) in
            [("degraded", BrokerState::CriticalActionRequired), ("rebooting", BrokerState::RebootInProgress)]
        {
            let (app, _) = app_on(cloud, prefix, &cloud.broker.management_url(), state).await?;
            let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
            let value = cloud.value(&app.arn, "AWSCURRENT").await?;
            let version = cloud.rotate_successfully(&app.arn).await?;
            converged(cloud, &app.user, &app.arn, &version).await?;
            let event = json!({"Action": "revokePrevious", "SecretId": app.arn, "VersionId": leaked, "By": "Ada",
                "Reason": "ticket 7"});
            cloud.act(&event).await?.value()?;
            ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        }
        Ok(())
    })
}

#[test]
fn a_broker_that_does_not_answer_is_reported_with_its_state_in_amazon_mq() -> Result<()> {
    on_the_cloud(async |cloud| {
        let nobody = "https://localhost:1";
        for (state, words) in [
            (BrokerState::CriticalActionRequired, "CRITICAL_ACTION_REQUIRED (RABBITMQ_MEMORY_ALARM)"),
            (BrokerState::RebootInProgress, "REBOOT_IN_PROGRESS"),
        ] {
            let (app, _) = app_on(cloud, "no-answer", nobody, state).await?;
            let notice = set_secret_fails(cloud, &app, "broker.unreachable", "").await?;
            ensure!(notice["message"].to_string().contains(words), "{words}: {notice}");
        }
        Ok(())
    })
}

#[test]
fn amazon_mq_is_asked_once_for_many_rotations_and_again_when_the_broker_has_moved() -> Result<()> {
    on_the_cloud(async |cloud| {
        let mq = FaultProxy::http(cloud.aws.endpoint())?;
        let variables = [("AWS_ENDPOINT_URL_MQ", mq.url())];
        let function = cloud.deploy_variant(&name("asks-once"), &[], &variables).await?.function;
        let rotate = async |app: &App| -> Result<testbed::cloud::Answer> {
            let version = match cloud.version(&app.arn, "AWSPENDING").await? {
                Some(version) => version,
                None => cloud.begin_rotation(&app.arn).await?,
            };
            for step in ["createSecret", "setSecret", "testSecret"] {
                let event = json!({"Step": step, "SecretId": app.arn, "ClientRequestToken": version});
                let answer = cloud.invoke_function(&function, &event).await?;
                if !matches!(answer, testbed::cloud::Answer::Done(_)) {
                    return Ok(answer);
                }
            }
            let event = json!({"Step": "finishSecret", "SecretId": app.arn, "ClientRequestToken": version});
            cloud.invoke_function(&function, &event).await
        };
        let console = cloud.broker.management_url();
        let (app, _) = app_on(cloud, "asks-once", &console, BrokerState::Running).await?;
        for _ in 0..3 {
            rotate(&app).await?.value()?;
        }
        let asked = || mq.calls().iter().filter(|call| call.path.contains("/v1/brokers/")).count();
        ensure!(asked() == 1, "Amazon MQ was asked {} times", asked());
        // If the broker is known, throttling by Amazon MQ does not stop a rotation.
        mq.inject(Rule::always(|_| true, Fault::aws_error(429, "TooManyRequestsException")));
        rotate(&app).await?.value()?;
        mq.reset();
        // The stored endpoints do not work. The attempt fails, and the next one asks Amazon MQ.
        let (moved, _) = app_on(cloud, "moved", "https://localhost:1", BrokerState::Running).await?;
        let answer = rotate(&moved).await?;
        ensure!(answer.kind() == "broker.unreachable", "{answer:?}");
        let amqps = format!("amqps://localhost:{}", cloud.broker.amqps_port());
        let (engine, state) = (BrokerEngine::RabbitMq, BrokerState::Running);
        cloud.aws.put_broker(&moved.user, &console, &amqps, engine, state).await?;
        rotate(&moved).await?.value()?;
        current_logs_in(cloud, &moved.arn).await
    })
}

#[test]
fn a_broker_that_is_not_there_or_not_rabbitmq_is_refused_by_amazon_mq_s_word() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (console, amqps) =
            (cloud.broker.management_url(), format!("amqps://localhost:{}", cloud.broker.amqps_port()));
        let cases = [
            ("activemq", BrokerEngine::ActiveMq, BrokerState::Running, "broker.not_rabbitmq"),
            ("creating", BrokerEngine::RabbitMq, BrokerState::CreationInProgress, "broker.not_running"),
            ("failed", BrokerEngine::RabbitMq, BrokerState::CreationFailed, "broker.not_running"),
            ("deleting", BrokerEngine::RabbitMq, BrokerState::DeletionInProgress, "broker.not_running"),
        ];
        for (case, engine, state, kind) in cases {
            let id = cloud.aws.put_broker(&name(case), &console, &amqps, engine, state).await?;
            let user = name(case);
            let admin = cloud.create_admin(&user, &json!({"brokerId": id})).await?;
            let app = cloud.create_app_with(&user, &json!({"brokerId": id, "masterarn": admin})).await?;
            set_secret_fails(cloud, &app, kind, &id).await?;
        }
        // The connection is refused as plaintext, also if Amazon MQ returns that address.
        let plain_console = format!("http://localhost:{}", cloud.broker.plain_http_port());
        let plain_amqp = format!("amqp://localhost:{}", cloud.broker.plain_amqp_port());
        for (case, console, amqps) in
            [("plain-console", &plain_console, &amqps), ("plain-endpoint", &console, &plain_amqp)]
        {
            let (engine, state) = (BrokerEngine::RabbitMq, BrokerState::Running);
            let id = cloud.aws.put_broker(&name(case), console, amqps, engine, state).await?;
            let user = name(case);
            let admin = cloud.create_admin(&user, &json!({"brokerId": id})).await?;
            let app = cloud.create_app_with(&user, &json!({"brokerId": id, "masterarn": admin})).await?;
            set_secret_fails(cloud, &app, "broker.not_found", &id).await?;
        }
        let unknown = "b-00000000-0000-4000-8000-000000000000";
        let user = name("unknown-broker");
        let admin = cloud.create_admin(&user, &json!({"brokerId": unknown})).await?;
        let app = cloud.create_app_with(&user, &json!({"brokerId": unknown, "masterarn": admin})).await?;
        set_secret_fails(cloud, &app, "broker.not_found", unknown).await?;
        Ok(())
    })
}
