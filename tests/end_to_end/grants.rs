//! Grants of the active user are copied, on a real broker.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::fault_proxy::FaultProxy;

use crate::support::{converged, current_logs_in, failed_once, mark_of};

#[test]
fn every_kind_of_grant_reaches_the_second_user_and_what_it_has_beyond_is_removed_and_named() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("grants")).await?;
        let clone = format!("{}_clone", app.user);
        let (vhost, extra) = (name("tenant"), name("extra"));
        let management = cloud.broker.management()?;
        for vhost in [&vhost, &extra] {
            management.create_vhost(vhost).await?;
        }
        management.create_topic_exchange(&vhost, "events").await?;
        management.set_permissions(&app.user, &vhost, ["^x", ".*", ""]).await?;
        management.set_topic_permission(&app.user, &vhost, "events", ["^order\\.", "^order\\."]).await?;
        management.set_topic_permission(&app.user, "/", "amq.topic", ["^a", "^b"]).await?;
        management.set_limit(&app.user, "max-connections", 50).await?;
        let password =
            cloud.value(&app.arn, "AWSCURRENT").await?["password"].as_str().unwrap_or_default().to_owned();
        management.create_user(&app.user, &password, &["monitoring"]).await?;

        // The second user exists already and has more permissions than the first.
        cloud.rotate_successfully(&app.arn).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let mark = mark_of(cloud, &clone).await?;
        management.create_user(&clone, "a password of its own", &["policymaker", &mark]).await?;
        management.set_permissions(&clone, &extra, [".*", ".*", ".*"]).await?;
        management.set_topic_permission(&clone, &extra, "amq.topic", [".*", ".*"]).await?;
        management.set_topic_permission(&clone, "/", "amq.direct", ["x", "x"]).await?;
        management.set_topic_permission(&clone, "/", "", ["x", "x"]).await?;
        management.set_limit(&clone, "max-channels", 7).await?;

        let version = cloud.rotate_successfully(&app.arn).await?;
        converged(cloud, &app.user, &app.arn, &version).await?;
        let grants = management.grants(&clone).await?;
        ensure!(
            grants["tags"] == json!(["monitoring"]) && grants["limits"] == json!({"max-connections": 50}),
            "{grants}"
        );
        let log = cloud.aws.function_log("rotation-rotation-mq")?.join("\n");
        for removed in
            [format!("remove permission on vhost `{extra}`"), "remove limit `max-channels`".to_owned()]
        {
            ensure!(log.contains(&removed), "the log does not say: {removed}");
        }
        Ok(())
    })
}

#[test]
fn grants_are_repaired_also_when_the_pending_login_works_already() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("repair")).await?;
        let clone = format!("{}_clone", app.user);
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            cloud.step(&app.arn, &version, step).await?.value()?;
        }
        let management = cloud.broker.management()?;
        // The state after an interruption that follows the new password.
        management.clear_permissions(&clone, "/").await?;
        management.set_limit(&clone, "max-connections", 1).await?;
        let answer = cloud.step(&app.arn, &version, "testSecret").await?;
        ensure!(["pending.grants_unequal", "vhost.not_permitted"].contains(&answer.kind()), "{answer:?}");
        cloud.steps(&app.arn, &version).await?;
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn a_user_without_the_current_ones_grants_is_not_promoted_also_if_the_last_step_is_called_directly()
-> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("half-granted")).await?;
        let before = cloud.version(&app.arn, "AWSCURRENT").await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            cloud.step(&app.arn, &version, step).await?.value()?;
        }
        let management = cloud.broker.management()?;
        management.set_limit(&format!("{}_clone", app.user), "max-connections", 1).await?;
        let answer = cloud.step(&app.arn, &version, "finishSecret").await?;
        failed_once(cloud, &app.arn, &answer, "pending.grants_unequal", "max-connections").await?;
        ensure!(cloud.version(&app.arn, "AWSCURRENT").await? == before, "it was promoted");
        cloud.steps(&app.arn, &version).await?;
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn a_tag_that_a_request_would_split_into_two_is_refused_before_it_makes_an_administrator() -> Result<()> {
    on_the_cloud(async |cloud| {
        let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
        let app = cloud.create_app_at(&name("comma"), cloud.broker.amqps_port(), proxy.url()).await?;
        let management = cloud.broker.management()?;
        let password = cloud.value(&app.arn, "AWSCURRENT").await?["password"].clone();
        management.create_user(&app.user, password.as_str().unwrap_or_default(), &["auditor"]).await?;
        proxy.replace_in_answers("\"auditor\"", "\"auditor,administrator\"");
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let answer = cloud.step(&app.arn, &version, "setSecret").await?;
        failed_once(cloud, &app.arn, &answer, "broker.request_failed", "comma").await?;
        ensure!(management.user(&format!("{}_clone", app.user)).await?.is_none(), "a user was made");
        Ok(())
    })
}

#[test]
fn tags_are_repaired_without_wiping_the_password() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("tags")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            cloud.step(&app.arn, &version, step).await?.value()?;
        }
        let management = cloud.broker.management()?;
        let pending = cloud.value(&app.arn, "AWSPENDING").await?;
        let password = pending["password"].as_str().unwrap_or_default();
        let clone = pending["username"].as_str().unwrap_or_default();
        management.create_user(clone, password, &["management"]).await?;
        cloud.steps(&app.arn, &version).await?;
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn the_service_s_own_tag_stays_and_a_broker_that_allows_no_change_of_its_user_is_reported() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("protected")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let management = cloud.broker.management()?;
        let clone = format!("{}_clone", app.user);
        let mark = mark_of(cloud, &clone).await?;
        let tags = ["management", "protected", &mark];
        management.create_user(&clone, "a password of its own", &tags).await?;
        // Since RabbitMQ 4.3, the API does not allow changes to such a user.
        let is_shut_off = management.create_user(&clone, "another", &["protected", &mark]).await.is_err();
        if is_shut_off {
            let answer = cloud.step(&app.arn, &version, "setSecret").await?;
            failed_once(cloud, &app.arn, &answer, "broker.request_failed", "protected").await?;
            return current_logs_in(cloud, &app.arn).await;
        }
        cloud.steps(&app.arn, &version).await?;
        converged(cloud, &app.user, &app.arn, &version).await?;
        let tags = management.user(&clone).await?.unwrap_or_default()["tags"].clone();
        ensure!(tags == json!(["protected", mark]), "only the service's own tag stays: {tags}");
        Ok(())
    })
}
