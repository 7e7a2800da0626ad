//! What a deployment may ask for: the parameters `BrokerUserSecretPrefixes`, `BrokerUserVhosts`,
//! `BrokerUserPatternPrefixes` and `BrokerUserTags`.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::Cloud;

use super::{properties, secret_of, with};

/// The event `ensureUser` for a new user with these changes, and the name of the user.
async fn event(cloud: &Cloud, changes: &Value) -> Result<(String, Value)> {
    let user = name("limited");
    let own = properties(cloud, &user, &secret_of(cloud, &user).await?);
    Ok((user, with(&with(&own, &json!({"Action": "ensureUser", "Permissions": []})), changes)))
}

fn pattern(pattern: &str) -> Value {
    json!({"Permissions": [{"Vhost": "/", "Configure": "", "Write": pattern, "Read": ""}]})
}

#[test]
fn a_request_beyond_the_ceiling_creates_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        let ceiling = [
            ("BrokerUserSecretPrefixes", "rabbitmq/limited"),
            ("BrokerUserVhosts", "/"),
            ("BrokerUserPatternPrefixes", "payment,shared-"),
            ("BrokerUserTags", "reporting"),
        ];
        let variant = cloud.deploy_variant(&name("ceiling"), &ceiling, &[]).await?;
        let function = variant.stack.output("BrokerUserFunctionArn")?;
        let management = cloud.broker.management()?;
        let vhost = name("elsewhere");
        management.create_vhost(&vhost).await?;

        let many: Vec<Value> = (0..101).map(|_| json!({"Vhost": "/", "Write": "^payment"})).collect();
        let mut refused = vec![
            json!({"Permissions": [{"Vhost": vhost, "Configure": "", "Write": "^payment", "Read": ""}]}),
            json!({"Tags": ["administrator"]}),
            json!({"Tags": ["management"]}),
            json!({"Tags": ["reporting", "monitoring"]}),
            json!({"Permissions": many}),
            pattern(&format!("^payment{}", "x".repeat(500))),
        ];
        let patterns =
            [".*", "payment", "^pay", "^orders", "^payment|^orders", "^payment.*|.*", "^(payment|orders)"];
        refused.extend(patterns.map(pattern));
        for changes in refused {
            let (user, event) = event(cloud, &changes).await?;
            let answer = cloud.invoke_function(function, &event).await?;
            ensure!(!answer.kind().is_empty(), "{changes}: {answer:?}");
            ensure!(management.user(&user).await?.is_none(), "{changes}: the user was created");
        }

        // The users of another secret are not created, changed or deleted.
        let app = cloud.create_app(&name("unlimited")).await?;
        let before = management.user(&app.user).await?;
        let own = with(&properties(cloud, &app.user, &app.arn), &json!({"Permissions": []}));
        for form in [
            json!({"Action": "ensureUser"}),
            json!({"tf": {"action": "update", "prev_input": own}}),
            json!({"tf": {"action": "delete", "prev_input": own}}),
        ] {
            let answer = cloud.invoke_function(function, &with(&own, &form)).await?;
            ensure!(answer.kind() == "event.invalid", "{form}: {answer:?}");
        }
        ensure!(management.user(&app.user).await? == before, "a user beyond the ceiling was changed");

        let patterns = ["", "^$", "^payment", "^payment\\.(in|out)$", "^shared-orders$"].map(pattern);
        for changes in patterns.into_iter().chain([json!({"Tags": ["reporting"]})]) {
            let (user, event) = event(cloud, &changes).await?;
            cloud.invoke_function(function, &event).await?.value()?;
            ensure!(management.user(&user).await?.is_some(), "{changes}: there is no user");
        }
        Ok(())
    })
}

#[test]
fn without_a_ceiling_no_user_becomes_an_administrator_or_reads_the_management_api() -> Result<()> {
    on_the_cloud(async |cloud| {
        for tag in ["administrator", "policymaker", "management", "monitoring"] {
            let (user, event) = event(cloud, &json!({"Tags": [tag]})).await?;
            let answer = cloud.invoke_function(cloud.broker_user_function()?, &event).await?;
            ensure!(!answer.kind().is_empty(), "{tag}: {answer:?}");
            ensure!(cloud.broker.management()?.user(&user).await?.is_none(), "{tag}: the user was created");
        }
        Ok(())
    })
}
