//! `examples/cookie-store/stack.yaml`: three users, three secrets, schedules and routes in one deployment.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cluster};
use serde_json::{Value, json};
use testbed::aws::Stack;
use testbed::cloud::{Cloud, workspace};

use super::{LIMIT, clone_of, nothing_is_left};
use crate::kubernetes::routed::RECEIPT;

const SERVICES: [(&str, &str); 3] =
    [("payment", "PaymentSecretArn"), ("messenger", "MessengerSecretArn"), ("order", "OrderSecretArn")];

async fn deploy(cloud: &Cloud, store: &str, changes: &[(&str, &str)]) -> Result<Stack> {
    let mut parameters = vec![
        ("BrokerId", cloud.broker_id.as_str()),
        ("AdminSecretArn", &cloud.admin_secret),
        ("RotationFunctionArn", cloud.rotation_function()?),
        ("BrokerUserFunctionArn", cloud.broker_user_function()?),
        ("Prefix", store),
        ("Vhost", store),
        ("Namespace", store),
    ];
    parameters.extend(changes);
    cloud.aws.deploy(store, &workspace().join("examples/cookie-store/stack.yaml"), &parameters, &[]).await
}

/// The permissions of a service in `topology.json`, as configure, write and read.
fn in_the_topology(service: &str) -> Result<Value> {
    let path = workspace().join("examples/cookie-store/topology.json");
    let topology: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let user = format!("store-{service}");
    let permissions = topology["permissions"].as_array().context("no permissions")?;
    let own = permissions.iter().find(|one| one["user"] == user.as_str()).context("no such user")?;
    Ok(json!([own["configure"], own["write"], own["read"]]))
}

/// The permissions of a user in the virtual host of the store.
async fn permissions(cloud: &Cloud, store: &str, user: &str) -> Result<Value> {
    let grants = cloud.broker.management()?.grants(user).await?;
    Ok(grants["permissions"][json!(store).to_string()].clone())
}

#[test]
fn the_store_is_onboarded_updated_and_removed_with_one_command_each() -> Result<()> {
    on_the_cluster(async |cloud| {
        let store = name("store");
        let management = cloud.broker.management()?;
        management.create_vhost(&store).await?;
        management.create_topic_exchange(&store, "store").await?;
        cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, &store, &[]).await?;

        let stack = deploy(cloud, &store, &[]).await?;
        for (service, output) in SERVICES {
            let (user, arn) = (format!("{store}-{service}"), stack.output(output)?);
            let rotation = cloud.aws.wait_for_rotation(arn, None, LIMIT).await?;
            ensure!(rotation.outcome == "succeeded", "{service}: {rotation:?}");
            cloud.wait_for_tag(arn, RECEIPT, &rotation.version_id, LIMIT).await?;
            for one in [user.clone(), clone_of(&user)] {
                let found = permissions(cloud, &store, &one).await?;
                ensure!(found == in_the_topology(service)?, "{one}: {found}");
            }
            let value = cloud.value(arn, "AWSCURRENT").await?;
            let text = |field: &str| value[field].as_str().context("no login");
            cloud.broker.amqps_login(text("username")?, text("password")?, &store).await?;
        }
        let payment = format!("{store}-payment");
        let grants = management.grants(&payment).await?;
        ensure!(grants["topic_permissions"].to_string().contains("order"), "{grants}");

        deploy(cloud, &store, &[("PaymentWrite", "^(store|refunds)$")]).await?;
        for one in [payment.clone(), clone_of(&payment)] {
            ensure!(permissions(cloud, &store, &one).await?[1] == "^(store|refunds)$", "{one}");
        }

        cloud.aws.delete_stack(&store).await?;
        for (service, _) in SERVICES {
            nothing_is_left(cloud, &format!("{store}-{service}")).await?;
        }
        Ok(())
    })
}
