//! Which failures are reported beside the answer: only those that nobody else knows of.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, STACK};

use super::{properties, secret_of, with};
use crate::kubernetes::routed::until;

async fn invoke(cloud: &Cloud, event: &Value) -> Result<String> {
    let answer = cloud.invoke_function(cloud.broker_user_function()?, event).await?;
    Ok(answer.kind().to_owned())
}

/// A request of CloudFormation whose answer goes to `url`.
fn request(url: &str, properties: &Value) -> Value {
    json!({
        "RequestType": "Delete", "ResponseURL": url, "RequestId": "4711", "LogicalResourceId": "BrokerUser",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/notices/1",
        "PhysicalResourceId": "none/4710", "ResourceProperties": properties,
    })
}

#[test]
fn a_failure_that_is_answered_is_no_incident_and_one_without_an_address_is() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("answered");
        let arn = secret_of(cloud, &user).await?;
        let own = properties(cloud, &user, &arn);
        let permission = json!([{"Vhost": "missing", "Configure": "", "Write": "", "Read": ""}]);
        let refused = with(&own, &json!({"Action": "ensureUser", "Permissions": permission}));
        let kind = invoke(cloud, &refused).await?;
        ensure!(kind == "vhost.not_permitted", "{kind}");
        let kind = invoke(cloud, &request("https://localhost:1/", &own)).await?;
        ensure!(kind == "event.invalid", "{kind}");
        let notices = cloud.notices.wait_for(&arn, 1).await?;
        let notice = notices.first().context("no notice")?;
        ensure!(notices.len() == 1 && notice["kind"] == "event.invalid", "{notices:?}");
        Ok(())
    })
}

#[test]
fn an_answer_that_cloudformation_did_not_get_is_reported_about_the_function() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("unanswered");
        let own = properties(cloud, &user, &secret_of(cloud, &user).await?);
        // The signature is wrong, so the upload is refused.
        let url = format!("{}/cloudformation-custom-resource-response/x?Signature=y", cloud.aws.endpoint());
        let kind = invoke(cloud, &request(&url, &own)).await?;
        ensure!(kind == "aws.request_failed", "{kind}");
        let function = format!("{STACK}-broker-user");
        let about = |notice: &Value| notice["function"] == function && notice["kind"] == kind;
        until("the notice", async || Ok(!cloud.notices.matching(about).await?.is_empty())).await?;
        for notice in cloud.notices.matching(about).await? {
            ensure!(notice["secretArn"].is_null() && notice["step"] == "deleteUser", "{notice}");
            ensure!(!notice.to_string().contains("Signature="), "the notice contains the URL");
        }
        Ok(())
    })
}
