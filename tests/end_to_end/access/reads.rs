//! Reads of values.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use testbed::aws::RotationOptions;
use testbed::cloud::tag;

use super::{Watch, kinds, read, reader, trace};
use crate::actors::actor::{Actor, Attempt, allow, attempt};
use crate::failure_path::types;

#[test]
fn a_stranger_who_reads_is_named_once_and_readers_by_parameter_and_by_tag_are_not() -> Result<()> {
    on_the_cloud(async |cloud| {
        let store = name("store");
        let watch = Watch::deploy(cloud, "stranger", &store, &[]).await?;
        let (secret, arn) = watch.secret(cloud).await?;
        let (operator, application) = (reader(cloud, &store).await?, reader(cloud, "application").await?);
        let readers = tag("secret-access/readers", &format!("batch {}", application.role));
        cloud.secrets.tag_resource().secret_id(&arn).tags(readers).send().await?;
        // Root may do everything, and is on no list.
        watch.path.alerts.wait_for(&arn, 1).await?;
        for _ in 0..10 {
            read(&operator, &secret).await?;
            read(&application, &arn).await?;
        }
        let alerts = watch.told(&arn).await?;
        ensure!(kinds(&alerts) == ["protection.policy_changed"], "{alerts:#?}");

        let stranger = reader(cloud, "stranger").await?;
        for _ in 0..30 {
            read(&stranger, &secret).await?;
        }
        let alerts = watch.told(&arn).await?;
        let expected = ["protection.policy_changed", "access.unknown_reader"];
        ensure!(kinds(&alerts) == expected, "{alerts:#?}");
        ensure!(alerts[1].to_string().contains(&stranger.role), "who? {alerts:#?}");
        ensure!(!alerts[1].to_string().contains("hidden"), "a value: {alerts:#?}");

        let another = reader(cloud, "another").await?;
        read(&another, &arn).await?;
        cloud.secrets.get_secret_value().secret_id(&arn).send().await?;
        let alerts = watch.told(&arn).await?;
        ensure!(alerts.len() == 3, "root was named before: {alerts:#?}");
        ensure!(types(&alerts)[2] == "incident.changed", "{alerts:#?}");
        ensure!(alerts[2].to_string().contains(&another.role), "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_denied_call_is_a_warning_and_a_read_after_it_is_worse() -> Result<()> {
    on_the_cloud(async |cloud| {
        let watch = Watch::deploy(cloud, "denied", &name("store"), &[]).await?;
        let (secret, arn) = watch.secret(cloud).await?;
        let nobody = Actor::with(cloud, "nobody", &[allow(&["secretsmanager:ListSecrets"], &["*"])]).await?;
        let denied = nobody.secrets.get_secret_value().secret_id(&secret).send().await;
        attempt(denied)?.denied("the read")?;
        nobody.put(&secret, "{}", &["AWSCURRENT"]).await?.denied("the write")?;
        let alerts = watch.told(&arn).await?;
        ensure!(kinds(&alerts) == ["access.denied"], "{alerts:#?}");
        read(&reader(cloud, "stranger").await?, &secret).await?;
        let alerts = watch.told(&arn).await?;
        ensure!(kinds(&alerts) == ["access.denied", "access.unknown_reader"], "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_reader_is_reported_from_a_place_that_is_not_on_the_list() -> Result<()> {
    on_the_cloud(async |cloud| {
        let store = name("store");
        let places = [("InsideVpcEndpoints", "vpce-0a"), ("InsideNetworks", "203.0.113.0/24")];
        let watch = Watch::deploy(cloud, "outside", &store, &places).await?;
        let (secret, arn) = watch.secret(cloud).await?;
        let operator = reader(cloud, &store).await?;
        let from = |address: &str, endpoint: &str| RotationOptions {
            call_address: Some(address.to_owned()),
            call_endpoint: Some(endpoint.to_owned()),
            ..RotationOptions::default()
        };
        for (address, endpoint) in [("10.0.0.7", "vpce-0a"), ("203.0.113.9", "")] {
            trace(cloud, &secret, from(address, endpoint)).await?;
            read(&operator, &secret).await?;
            watch.is_silent(&arn).await?;
        }
        for (address, endpoint) in [("10.0.0.7", "vpce-0b"), ("198.51.100.7", "")] {
            trace(cloud, &secret, from(address, endpoint)).await?;
            read(&operator, &secret).await?;
        }
        let alerts = watch.told(&arn).await?;
        ensure!(kinds(&alerts) == ["access.from_outside"], "{alerts:#?}");
        ensure!(alerts[0].to_string().contains("vpce-0b"), "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn somebody_who_reads_all_secrets_is_some_alerts_and_a_digest() -> Result<()> {
    on_the_cloud(async |cloud| {
        let watch = Watch::deploy(cloud, "all", &name("store"), &[("AlertsPerHour", "5")]).await?;
        let stranger = reader(cloud, "stranger").await?;
        let mut arns = Vec::new();
        for _ in 0..20 {
            let (secret, arn) = watch.secret(cloud).await?;
            read(&stranger, &secret).await?;
            arns.push(arn);
        }
        let is = |kind: &'static str| {
            move |alert: &serde_json::Value| alert["metadata"]["additionalContext"]["kind"] == kind
        };
        watch.path.alerts.wait_until(1, is("alerts.withheld")).await?;
        for arn in &arns {
            watch.path.alerts.wait_for_events(arn, 1).await?;
        }
        watch.path.is_empty().await?;
        // The hour may change during the test.
        let told = watch.path.alerts.wait_until(1, is("access.unknown_reader")).await?;
        ensure!(told.len() <= 10, "{} alerts", told.len());
        Ok(())
    })
}

#[test]
fn a_policy_that_denies_everybody_is_reported_once_and_causes_no_loop() -> Result<()> {
    on_the_cloud(async |cloud| {
        let watch = Watch::deploy(cloud, "everybody", &name("store"), &[]).await?;
        let (secret, arn) = watch.secret(cloud).await?;
        let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Resource": "*",
            "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        }]});
        let put = cloud.secrets.put_resource_policy().secret_id(&arn);
        put.resource_policy(policy.to_string()).send().await?;
        // The change and the reads come from two queues. A denied read that is handled first would be an alert of its own.
        watch.path.alerts.wait_for(&arn, 1).await?;
        let stranger = reader(cloud, "stranger").await?;
        for _ in 0..3 {
            let denied = stranger.secrets.get_secret_value().secret_id(&arn).send().await;
            ensure!(matches!(attempt(denied)?, Attempt::Denied(_)), "{secret} was read");
        }
        let alerts = watch.told(&arn).await?;
        // The handler may not describe the secret either, so it does not know that the policy is that of a new secret.
        ensure!(kinds(&alerts) == ["protection.policy_changed"], "{alerts:#?}");
        ensure!(watch.told(&arn).await?.len() == 1, "it goes on");
        Ok(())
    })
}
