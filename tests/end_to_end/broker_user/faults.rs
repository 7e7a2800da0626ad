//! A fault at each call of broker-user. The deployment succeeds, or it is rolled back and nothing is left.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::Cloud;
use testbed::fault_proxy::{Fault, FaultProxy, Rule};

use super::{PATTERNS, deploy, nothing_is_left, permissions};
use crate::support::{current_logs_in, mark_of};

/// More calls than a request makes.
const MOST_CALLS: usize = 60;

/// Deploys once for each call that goes through the proxy, with the fault at that call.
async fn at_each_call(
    cloud: &Cloud,
    proxy: &FaultProxy,
    fault: &Fault,
    parameters: &[(&str, &str)],
) -> Result<()> {
    for nth in 1..=MOST_CALLS {
        let user = name("faulty");
        proxy.reset();
        proxy.inject(Rule::at(nth, |_| true, fault.clone()));
        let deployed = deploy(cloud, &user, parameters).await;
        let calls = proxy.calls();
        let place = format!("{fault:?} at call {nth} of {calls:?}");
        match deployed {
            Ok(stack) => {
                ensure!(permissions(cloud, &user).await? == json!(PATTERNS), "{place}: other permissions");
                mark_of(cloud, &user).await?;
                proxy.reset();
                current_logs_in(cloud, stack.output("SecretArn")?).await?;
                cloud.broker.management()?.delete_user(&user).await?;
            }
            Err(error) => {
                nothing_is_left(cloud, &user).await.map_err(|left| left.context(place).context(error))?;
            }
        }
        if calls.len() < nth {
            ensure!(nth > 1, "no call goes through the proxy");
            return Ok(());
        }
    }
    anyhow::bail!("a request makes more than {MOST_CALLS} calls")
}

#[test]
fn a_fault_at_any_call_of_the_broker_leaves_a_complete_user_or_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        for fault in [Fault::Drop, Fault::LoseResponse] {
            let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
            let port = cloud.broker.amqps_port();
            let changes = json!({
                "brokerId": null, "host": "localhost", "port": port, "managementUrl": proxy.url(),
            });
            let admin = cloud.create_admin(&name("faulty-admin"), &changes).await?;
            let port = port.to_string();
            let parameters = [
                ("BrokerId", ""),
                ("Host", "localhost"),
                ("Port", port.as_str()),
                ("ManagementUrl", proxy.url()),
                ("AdminSecretArn", admin.as_str()),
                ("Rotation", "off"),
            ];
            at_each_call(cloud, &proxy, &fault, &parameters).await?;
        }
        Ok(())
    })
}

#[test]
fn a_fault_at_any_call_of_aws_leaves_a_complete_user_or_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        let proxy = FaultProxy::http(cloud.aws.endpoint())?;
        let variant = cloud.deploy_variant(&name("faulty-aws"), &[], &[]).await?;
        let function = variant.stack.output("BrokerUserFunctionArn")?;
        let variables =
            [("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.url()), ("AWS_ENDPOINT_URL_MQ", proxy.url())];
        cloud.add_variables(function, &variables).await?;
        for fault in [Fault::Drop, Fault::aws_error(500, "InternalServiceError")] {
            // Amazon MQ is asked again after the endpoints are forgotten.
            cloud.add_variables(function, &[("ENDPOINTS_SECONDS", "0")]).await?;
            let parameters = [("BrokerUserFunctionArn", function), ("Rotation", "off")];
            at_each_call(cloud, &proxy, &fault, &parameters).await?;
        }
        Ok(())
    })
}
