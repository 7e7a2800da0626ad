//! Playbooks about secrets that people rotate, about the removal of resources, and about a complete outage.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::tag;
use testbed::playbook::{netrc, script};

use super::open;
use crate::failure_path::succeeded;
use crate::support::current_logs_in;

#[test]
fn a_secret_that_is_due_is_replaced_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = format!("partner/{}", name("due-page"));
        let create = cloud.secrets.create_secret().name(&own).secret_string(r#"{"key":"old"}"#);
        let tags = [("rotation-watch/max-age-days", "3"), ("rotation-watch/owner", "partners")];
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
        let arn = create.set_tags(Some(tags)).send().await?.arn.context("no ARN")?;
        let mut page = open(cloud, "secret-due.md")?;
        page.set("SECRET", &own);
        let editor = page.folder().join("bin/editor");
        script(&editor, "#!/bin/sh\necho '{\"key\":\"new\"}' >\"$1\"\n")?;
        page.set("EDITOR", &editor.display().to_string());
        for (variable, value) in [("DAYS", "180"), ("OWNER", "payments")] {
            page.set(variable, value);
        }
        // The page also runs rotation-watch.
        let _look = crate::watch::LOOK.lock().await;
        page.set("WATCH", cloud.stack.output("WatchFunctionName")?);
        for _ in 0..3 {
            page.run().await?;
        }
        page.run().await?;
        ensure!(cloud.value(&arn, "AWSCURRENT").await?["key"] == "new", "it was not replaced");
        ensure!(!page.folder().join("value.json").exists(), "the file with the value was left");
        ensure!(page.run().await?.contains("AWSPREVIOUS"), "the versions");
        for _ in 0..2 {
            page.run().await?;
        }
        ensure!(
            cloud.tag_of(&arn, "rotation-watch/max-age-days").await?.as_deref() == Some("180"),
            "the age"
        );
        for _ in 0..2 {
            page.run().await?;
        }
        ensure!(
            cloud.tag_of(&arn, "rotation-watch/owner").await?.as_deref() == Some("payments"),
            "the owner"
        );
        page.run().await?;
        let answer = page.run().await?;
        ensure!(answer.contains("\"watched\""), "{answer}");
        // The shared stack inspects nothing by itself. `inspections.rs` has the stacks that do.
        let answer = page.run().await?;
        ensure!(answer.contains("\"inspected\""), "{answer}");
        page.end()
    })
}

#[test]
fn a_secret_and_a_stack_are_taken_out_of_use_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("leaving")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let variant = cloud.deploy_variant(&name("leaving-stack"), &[], &[]).await?;
        let mut page = open(cloud, "out-of-use.md")?;
        let netrc = netrc(cloud, page.folder())?;
        page.set("SECRET", &format!("rabbitmq/{}", app.user));
        page.set("NETRC", &netrc);
        page.set("INCIDENTS", cloud.stack.output("IncidentsTableName")?);
        page.set("PREFIX", &format!("rabbitmq/{}", app.user));
        page.set("STACK", &variant.name);
        page.run().await?;
        ensure!(page.run().await?.contains("[]"), "connections");
        page.run().await?;
        page.run().await?;
        let management = cloud.broker.management()?;
        ensure!(management.user(&app.user).await?.is_none(), "the user is still there");
        page.run().await?;
        page.run().await?;
        ensure!(page.run().await?.trim() != "None", "the secret is not deleted");
        page.run().await?;
        page.run().await?;
        page.run().await?;
        page.end()
    })
}

#[test]
fn unhandled_messages_are_reported_and_credentials_are_repaired_by_hand_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = cloud.deploy_variant(&name("nothing-works"), &[], &[]).await?;
        let alerts = cloud.alerts_of(&variant).await?;
        let (queue, table) = (
            cloud.queue_of(&variant, "DeadLetterQueueUrl").await?,
            variant.stack.output("IncidentsTableName")?,
        );
        let unhandled = cloud.queue_of(&variant, "UnhandledQueueUrl").await?;
        let handler = variant.stack.output("HandlerFunctionName")?;
        queue.retry_after(0).await?;
        cloud.add_variables(handler, &[("INCIDENTS_TABLE", "no-such-table")]).await?;
        queue.send(&["something that nobody handles".to_owned()]).await?;
        let started = Instant::now();
        let rule = cloud.queue_of(&variant, "RuleQueueUrl").await?;
        rule.retry_after(0).await?;
        rule.send(&[succeeded(&crate::failure_path::secret("nobodys"), "2026-11-25T08:00:00Z")]).await?;
        while unhandled.depth().await? < 2 {
            ensure!(
                started.elapsed() < Duration::from_secs(60),
                "the messages did not reach the second queue"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut page = open(cloud, "when-nothing-works.md")?;
        page.set("HANDLER", handler);
        page.set("QUEUE", variant.stack.output("DeadLetterQueueUrl")?);
        for (variable, output) in [
            ("RULE_QUEUE", "RuleQueueUrl"),
            ("OWN_QUEUE", "OwnQueueUrl"),
            ("DELIVERY_QUEUE", "DeliveryQueueUrl"),
            ("PROTECTION_QUEUE", "ProtectionQueueUrl"),
            ("CLOSE_QUEUE", "CloseQueueUrl"),
            ("UNHANDLED", "UnhandledQueueUrl"),
            ("UNDELIVERED", "UndeliveredQueueUrl"),
        ] {
            page.set(variable, variant.stack.output(output)?);
        }
        page.run().await?;
        page.run().await?;
        ensure!(page.run().await?.contains("something that nobody handles"), "the unhandled message");
        cloud.add_variables(handler, &[("INCIDENTS_TABLE", table)]).await?;
        page.run().await?;
        alerts.wait_until(1, |alert| alert.to_string().contains("something that nobody handles")).await?;
        let untrusted = |alert: &serde_json::Value| alert.to_string().contains("message.untrusted");
        while unhandled.depth().await? + rule.depth().await? > 0 {
            ensure!(started.elapsed() < Duration::from_secs(120), "not all was given back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ensure!(alerts.wait_until(0, untrusted).await?.is_empty(), "a success came back by another queue");
        page.run().await?;

        let undelivered = cloud.queue_of(&variant, "UndeliveredQueueUrl").await?;
        let lost = ["the first that SNS dropped", "the second that SNS dropped"].map(str::to_owned);
        undelivered.send(&lost).await?;
        page.run().await?;
        for message in lost {
            alerts.wait_until(1, |alert| alert.to_string().contains(&message)).await?;
        }
        ensure!(undelivered.depth().await? == 0, "a message is still in the queue");

        let app = cloud.create_app(&name("repaired")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let user = value["username"].as_str().context("no user")?;
        cloud.broker.management()?.create_user(user, "another password", &[]).await?;
        ensure!(!cloud.logs_in(&value).await?);
        let netrc = netrc(cloud, page.folder())?;
        page.set("SECRET", &app.arn);
        page.set("NETRC", &netrc);
        for _ in 0..3 {
            page.run().await?;
        }
        current_logs_in(cloud, &app.arn).await?;
        ensure!(page.run().await?.contains("not_authorised"), "the broker's answer");
        page.run().await?;
        let rotation = cloud.aws.wait_for_rotation(&app.arn, None, Duration::from_secs(60)).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        ensure!(json!(cloud.value(&app.arn, "AWSCURRENT").await?) != value);
        page.end()
    })
}
