//! What the function does if its variables, its network or its role are wrong.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::fault_proxy::{Fault, FaultProxy, Rule};
use testbed::schema::valid;

use crate::support::current_logs_in;

#[test]
fn a_wrong_variable_stops_the_start_and_is_reported_by_name_and_not_by_value() -> Result<()> {
    on_the_cloud(async |cloud| {
        for (variable, value) in [
            ("STALE_CONNECTIONS", "canary-value"),
            ("PASSWORD_LENGTH", "8"),
            ("BROKER_CA_BUNDLE", "/canary-value"),
        ] {
            let stack = name("misconfigured");
            let variant = cloud.deploy_variant(&stack, &[], &[(variable, value)]).await?;
            let answer = cloud.invoke_function(&variant.function, &json!({})).await?;
            ensure!(!answer.kind().is_empty(), "{variable}: the function started");
            let log = cloud.aws.function_log(&format!("{stack}-rotation-mq"))?.join("\n");
            ensure!(log.contains(variable) && !log.contains("canary"), "{variable}: {log}");
            let notices = variant.notices.wait_for_any(1).await?;
            let notice = notices.first().cloned().unwrap_or_default();
            valid("failure-notice", &notice)?;
            ensure!(notice["kind"] == "configuration.invalid", "{notice}");
            ensure!(notice["message"].as_str().unwrap_or_default().contains(variable), "{notice}");
        }
        Ok(())
    })
}

#[test]
fn an_aws_endpoint_that_does_not_answer_is_reported_with_the_likely_cause_before_the_function_s_own_timeout()
-> Result<()> {
    on_the_cloud(async |cloud| {
        let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://127.0.0.1:{}", silent.local_addr()?.port());
        let variables = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str())];
        let parameters = [("TimeoutSeconds", "30"), ("CallTimeoutSeconds", "2")];
        let variant = cloud.deploy_variant(&name("no-route"), &parameters, &variables).await?;
        let app = cloud.create_app(&name("no-route")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        let event = json!({"Step": "createSecret", "SecretId": app.arn, "ClientRequestToken": version});
        let answer = cloud.invoke_function(&variant.function, &event).await?;
        ensure!(answer.kind() == "aws.unreachable", "{answer:?}");
        for words in ["VPC endpoint", "NAT", "security group", "Secrets Manager"] {
            ensure!(format!("{answer:?}").contains(words), "{words}: {answer:?}");
        }
        ensure!(variant.notices.wait_for(&app.arn, 1).await?.len() == 1);
        Ok(())
    })
}

#[test]
fn a_step_that_runs_out_of_time_says_so_itself() -> Result<()> {
    on_the_cloud(async |cloud| {
        let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
        let parameters = [("TimeoutSeconds", "30"), ("CallTimeoutSeconds", "20")];
        let variant = cloud.deploy_variant(&name("slow"), &parameters, &[]).await?;
        let app = cloud.create_app_at(&name("slow"), cloud.broker.amqps_port(), proxy.url()).await?;
        let management = cloud.broker.management()?;
        management.set_topic_permission(&app.user, "/", "amq.topic", ["^a", "^b"]).await?;
        management.set_limit(&app.user, "max-connections", 20).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        // Each call is answered in time, but there are five calls in sequence.
        let slow = std::time::Duration::from_secs(7);
        proxy.inject(Rule::always(|_| true, Fault::Delay(slow)));
        let event = json!({"Step": "setSecret", "SecretId": app.arn, "ClientRequestToken": version});
        let answer = cloud.invoke_function(&variant.function, &event).await?;
        ensure!(answer.kind() == "rotation.timed_out", "{answer:?}");
        ensure!(variant.notices.wait_for(&app.arn, 1).await?.len() == 1);
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_secret_without_the_tag_that_the_role_asks_for_is_out_of_reach() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("untagged")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.secrets.untag_resource().secret_id(&app.arn).tag_keys("rotation-mq").send().await?;
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            let answer = cloud.step(&app.arn, &version, step).await?;
            ensure!(answer.kind() == "aws.access_denied", "{step}: {answer:?}");
        }
        Ok(())
    })
}

#[test]
fn the_role_cannot_write_an_admin_secret() -> Result<()> {
    on_the_cloud(async |cloud| {
        // The tag allows only reading, so a rotation fails at the first write.
        let admin = cloud.create_admin(&name("read-only"), &json!({})).await?;
        let version = cloud.begin_rotation(&admin).await?;
        let answer = cloud.step(&admin, &version, "createSecret").await?;
        ensure!(answer.kind() == "aws.access_denied", "{answer:?}");
        Ok(())
    })
}
