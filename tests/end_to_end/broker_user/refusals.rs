//! Users that broker-user must not touch, and brokers that it cannot reach.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, random_text};

use super::{clone_of, deploy, fails, nothing_is_left, properties, rotated, secret_of, with};
use crate::support::{current_logs_in, state_of};

/// The deployment for `user` is refused as `pair.taken`, and neither user of the pair changes.
async fn is_refused(cloud: &Cloud, user: &str) -> Result<()> {
    let management = cloud.broker.management()?;
    let pair = async || -> Result<[Option<Value>; 2]> {
        Ok([management.user(user).await?, management.user(&clone_of(user)).await?])
    };
    let before = pair().await?;
    let message = fails(cloud, user, &[]).await?;
    ensure!(message.contains("pair.taken"), "{user}: {message}");
    ensure!(pair().await? == before, "{user}: a user was changed");
    let secret = cloud.secrets.describe_secret().secret_id(format!("rabbitmq/{user}")).send().await;
    ensure!(secret.is_err(), "the secret is left: {secret:?}");
    Ok(())
}

#[test]
fn a_user_of_somebody_else_is_refused_and_survives_the_rollback() -> Result<()> {
    on_the_cloud(async |cloud| {
        let management = cloud.broker.management()?;
        // A user without a mark, and one with a name that the first rotation would use.
        for (prefix, suffix) in [("foreign", ""), ("foreign-clone", "_clone")] {
            let user = name(prefix);
            let (existing, password) = (format!("{user}{suffix}"), random_text(32)?);
            management.create_user(&existing, &password, &["monitoring"]).await?;
            management.set_permissions(&existing, "/", ["", "^theirs$", ""]).await?;
            is_refused(cloud, &user).await?;
            ensure!(cloud.broker.can_log_in(&existing, &password).await?, "{existing} is locked out");
        }
        // A pair with the mark of another secret.
        let user = name("marked");
        let theirs = format!("rabbitmq/{user}-theirs");
        let arn =
            deploy(cloud, &user, &[("SecretName", theirs.as_str())]).await?.output("SecretArn")?.to_owned();
        cloud.aws.wait_for_rotation(&arn, None, super::LIMIT).await?;
        cloud.aws.delete_stack(&user).await?;
        is_refused(cloud, &user).await?;
        current_logs_in(cloud, &arn).await
    })
}

#[test]
fn an_update_to_a_user_of_somebody_else_is_refused_and_both_pairs_stay() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (own, other) = (name("own"), name("other"));
        let (own_arn, other_arn) = (rotated(cloud, &own).await?, rotated(cloud, &other).await?);
        let before = [state_of(cloud, &own, &own_arn).await?, state_of(cloud, &other, &other_arn).await?];
        let old = properties(cloud, &own, &own_arn);
        let new = properties(cloud, &other, &own_arn);
        let event = with(&new, &json!({"tf": {"action": "update", "prev_input": old}}));
        let answer = cloud.invoke_function(cloud.broker_user_function()?, &event).await?;
        ensure!(!answer.kind().is_empty(), "{answer:?}");
        let after = [state_of(cloud, &own, &own_arn).await?, state_of(cloud, &other, &other_arn).await?];
        ensure!(before == after, "a pair was changed");
        current_logs_in(cloud, &own_arn).await?;
        current_logs_in(cloud, &other_arn).await
    })
}

#[test]
fn the_administrator_a_protected_user_and_guest_are_never_touched() -> Result<()> {
    on_the_cloud(async |cloud| {
        let management = cloud.broker.management()?;
        let protected = name("protected");
        let password = random_text(32)?;
        management.create_user(&protected, &password, &["protected"]).await?;
        for user in [cloud.broker.admin_user(), "guest", protected.as_str()] {
            let before = management.user(user).await?;
            let arn = secret_of(cloud, user).await?;
            for action in ["create", "update", "delete"] {
                let own = properties(cloud, user, &arn);
                let event = with(&own, &json!({"tf": {"action": action, "prev_input": own}}));
                let answer = cloud.invoke_function(cloud.broker_user_function()?, &event).await?;
                // To delete a user that is not of this secret is no error, because nothing is left to do.
                ensure!(action == "delete" || !answer.kind().is_empty(), "{action} {user}: {answer:?}");
                ensure!(management.user(user).await? == before, "{action} changed {user}");
            }
        }
        Ok(())
    })
}

#[test]
fn a_broker_that_is_down_fails_the_deployment_with_its_kind_and_leaves_no_secret() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("down");
        let nobody = "https://localhost:1";
        let changes = json!({"brokerId": null, "host": "localhost", "port": 1, "managementUrl": nobody});
        let admin = cloud.create_admin(&user, &changes).await?;
        let parameters = [
            ("BrokerId", ""),
            ("Host", "localhost"),
            ("Port", "1"),
            ("ManagementUrl", nobody),
            ("AdminSecretArn", admin.as_str()),
        ];
        let message = fails(cloud, &user, &parameters).await?;
        ensure!(message.contains("broker.unreachable"), "{message}");
        nothing_is_left(cloud, &user).await
    })
}

#[test]
fn a_secret_and_a_broker_that_are_gone_do_not_block_a_deletion() -> Result<()> {
    on_the_cloud(async |cloud| {
        let missing = "arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq/missing-AbCdEf";
        let unknown = json!({"Broker": "b-00000000-0000-4000-8000-000000000000"});
        let (gone, user) = (name("gone"), name("without-broker"));
        let of_no_secret = properties(cloud, &gone, missing);
        let of_no_broker = with(&properties(cloud, &user, &secret_of(cloud, &user).await?), &unknown);
        for own in [of_no_secret, of_no_broker] {
            let event = with(&own, &json!({"tf": {"action": "delete", "prev_input": own}}));
            cloud.invoke_function(cloud.broker_user_function()?, &event).await?.value()?;
        }
        Ok(())
    })
}
