//! Which messages are trusted: the wrong queue for a sender, a time in the future, and a flood.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::Cloud;

use crate::failure_path::{Path, notice, secret, succeeded, types};
use crate::support::run_cli;

fn kind(alert: &Value) -> &str {
    alert["metadata"]["additionalContext"]["kind"].as_str().unwrap_or_default()
}

fn sweep() -> String {
    json!({"schema": "dlq-handler-sweep/1"}).to_string()
}

/// A sweep on a busy machine may end before its last incident. The next one continues there.
const SWEEPS: usize = 6;

/// A time that cannot be read. The handler then uses the time when the message was sent.
const NOW: &str = "now";

/// A secret that exists in Secrets Manager and has not been rotated.
async fn real_secret(cloud: &Cloud, prefix: &str) -> Result<String> {
    cloud.create_secret(&format!("rabbitmq/{}", name(prefix)), "{}").await
}

#[test]
fn a_success_that_somebody_sends_to_the_topic_or_its_queue_ends_no_incident_and_is_reported() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "forged", &[]).await?;
        let secret = real_secret(cloud, "forged").await?;
        path.queue.send(&[notice(&secret, "vhost.missing", "1", "2026-11-25T08:00:00Z")]).await?;
        path.alerts.wait_for(&secret, 1).await?;
        let forged = succeeded(&secret, "2026-11-25T09:00:00Z");
        let topic = path.variant.stack.output("DeadLetterTopicArn")?;
        run_cli(cloud, &["sns", "publish", "--topic-arn", topic, "--message", &forged]).await?;
        path.queue.send(&[forged.clone(), sweep()]).await?;
        let told = path.alerts.wait_until(2, |alert| kind(alert) == "message.untrusted").await?;
        ensure!(told.iter().any(|alert| alert.to_string().contains("a rotation succeeded")), "{told:#?}");
        path.is_empty().await?;
        ensure!(types(&path.alerts.about(&secret).await?) == ["incident.opened"]);

        path.rule.send(&[forged]).await?;
        let alerts = path.alerts.wait_for(&secret, 2).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_success_of_the_time_before_an_update_counts_where_secrets_manager_confirms_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "leftover", &[]).await?;
        let app = cloud.create_app(&name("leftover")).await?;
        path.queue.send(&[notice(&app.arn, "vhost.missing", "1", "2026-11-25T08:00:00Z")]).await?;
        path.alerts.wait_for(&app.arn, 1).await?;
        cloud.rotate_successfully(&app.arn).await?;
        // The message is in the dead-letter queue, which the previous version used for all messages.
        path.queue.send(&[succeeded(&app.arn, "2026-11-25T09:00:00Z")]).await?;
        let alerts = path.alerts.wait_for(&app.arn, 2).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_success_or_a_failure_of_the_future_hides_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "future", &[]).await?;
        let (success, failure) = (secret("future-success"), secret("future-failure"));
        let ahead = "9998-01-01T00:00:00Z";
        path.rule.send(&[succeeded(&success, ahead)]).await?;
        path.is_empty().await?;
        path.queue.send(&[notice(&success, "current.login_refused", "1", NOW)]).await?;
        let alerts = path.alerts.wait_for(&success, 1).await?;
        ensure!(alerts.iter().all(|alert| kind(alert) == "current.login_refused"), "{alerts:#?}");

        path.queue.send(&[notice(&failure, "aws.throttled", "1", ahead)]).await?;
        path.alerts.wait_for(&failure, 1).await?;
        path.queue.send(&[notice(&failure, "admin.login_refused", "2", NOW)]).await?;
        path.alerts.wait_for(&failure, 2).await?;
        path.rule.send(&[succeeded(&failure, NOW)]).await?;
        let alerts = path.alerts.wait_for(&failure, 3).await?;
        let expected = ["incident.opened", "incident.changed", "incident.closed"];
        ensure!(types(&alerts) == expected, "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn an_item_of_the_version_before_with_a_time_of_the_future_hides_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "poisoned", &[]).await?;
        let secret = secret("poisoned");
        let record = json!({
            "subject": secret, "area": "rotation", "succeededAt": "9998-01-01T00:00:00Z", "incident": null,
            "unsent": [], "seen": ["e1"], "revision": 1,
        });
        let item = json!({
            "subject": {"S": secret}, "area": {"S": "rotation"}, "state": {"S": "closed"},
            "unsent": {"BOOL": false}, "revision": {"N": "1"}, "record": {"S": record.to_string()},
        });
        put(cloud, &path, &item).await?;
        path.queue.send(&[notice(&secret, "vhost.missing", "1", "2026-11-25T08:00:00Z")]).await?;
        path.alerts.wait_for(&secret, 1).await?;
        Ok(())
    })
}

async fn put(cloud: &Cloud, path: &Path, item: &Value) -> Result<()> {
    let table = path.variant.stack.output("IncidentsTableName")?;
    let put = ["dynamodb", "put-item", "--table-name", table, "--item", &item.to_string()];
    run_cli(cloud, &put).await.map(drop)
}

#[test]
fn a_flood_of_invented_secrets_is_some_alerts_and_a_digest_and_hides_no_real_failure() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "invented", &[("AlertsPerHour", "5")]).await?;
        let real = real_secret(cloud, "among-invented").await?;
        let at = "2026-11-25T08:00:00Z";
        let invented = |number: usize| secret(&format!("invented-{number}"));
        let flood = |numbers: std::ops::Range<usize>| -> Vec<String> {
            numbers
                .map(|number| notice(&invented(number), "secret.not_found", &number.to_string(), at))
                .collect()
        };
        path.queue.send(&flood(0..40)).await?;
        path.queue.send(&[notice(&real, "vhost.missing", "real", at)]).await?;
        let critical = secret("invented-critical");
        path.queue.send(&[notice(&critical, "current.login_refused", "critical", at)]).await?;
        path.queue.send(&flood(40..80)).await?;
        path.alerts.wait_for(&real, 1).await?;
        path.alerts.wait_for(&critical, 1).await?;
        path.alerts.wait_until(1, |alert| kind(alert) == "alerts.withheld").await?;
        path.is_empty().await?;
        let told = path.alerts.wait_until(1, |alert| kind(alert) == "secret.not_found").await?;
        // The hour may change during the test.
        ensure!(told.len() <= 10, "{} alerts about secrets that do not exist", told.len());
        let digests = path.alerts.wait_until(1, |alert| kind(alert) == "alerts.withheld").await?;
        ensure!(digests.len() <= 2, "{digests:#?}");
        // Other systems receive an event for each.
        path.alerts.wait_for_events(&invented(79), 1).await?;

        // A day later they end by themselves. This sends no alert either.
        let mut events = Vec::new();
        for _ in 0..SWEEPS {
            path.own.send(&[sweep()]).await?;
            path.is_empty().await?;
            events = path.alerts.events_about(&invented(79)).await?;
            if events.len() > 1 {
                break;
            }
        }
        ensure!(events.iter().any(|event| event["detail"]["state"] == "closed"), "{events:#?}");
        Ok(())
    })
}

#[test]
fn a_flood_of_invented_alarms_and_functions_keeps_no_alarm_and_no_function_of_the_stack_out() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "names", &[("AlertsPerHour", "5")]).await?;
        let stack = &path.variant.name;
        let alarm = |name: &str| json!({"AlarmName": name, "NewStateValue": "ALARM"}).to_string();
        let failed = |function: &str| -> Result<String> {
            let mut notice: Value = serde_json::from_str(&notice("", "function.crashed", function, NOW))?;
            (notice["secretArn"], notice["function"]) = (json!(null), json!(function));
            Ok(notice.to_string())
        };
        // Their names begin like those of the stack.
        for number in 0..20 {
            let name = format!("{stack}-foo-{number}");
            path.queue.send(&[alarm(&name), failed(&name)?]).await?;
        }
        for digest in ["an alarm whose name", "a function whose name"] {
            let says = |alert: &Value| kind(alert) == "alerts.withheld" && alert.to_string().contains(digest);
            path.alerts.wait_until(1, says).await.with_context(|| digest.to_owned())?;
        }
        let (alarm_name, function) =
            (format!("{stack}-rotation-mq-throttles"), format!("{stack}-rotation-watch"));
        path.queue.send(&[alarm(&alarm_name), failed(&function)?]).await?;
        path.alerts.wait_for(&alarm_name, 1).await.context("the stack's alarm")?;
        path.alerts.wait_for(&function, 1).await.context("the stack's function")?;
        path.is_empty().await?;
        let foo = |alert: &Value| alert.to_string().contains(&format!("{stack}-foo-"));
        let told = path.alerts.wait_until(1, foo).await?;
        // Five of each area. The hour may change during the test.
        ensure!(told.len() <= 20, "{} alerts about names that are not the stack's", told.len());
        Ok(())
    })
}

#[test]
fn an_item_that_cannot_be_read_is_reported_and_the_other_items_are_still_checked() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "unreadable", &[]).await?;
        let (broken, sound) = (real_secret(cloud, "broken").await?, real_secret(cloud, "sound").await?);
        path.queue.send(&[notice(&sound, "vhost.missing", "1", "2020-01-01T00:00:00Z")]).await?;
        path.alerts.wait_for(&sound, 1).await?;
        let item = json!({
            "subject": {"S": broken}, "area": {"S": "rotation"}, "state": {"S": "open"},
            "unsent": {"BOOL": false}, "revision": {"N": "7"}, "record": {"S": "of another version"},
        });
        put(cloud, &path, &item).await?;
        path.own.send(&[sweep()]).await?;
        let alerts = path.alerts.wait_for(&broken, 1).await?;
        ensure!(alerts.iter().all(|alert| kind(alert) == "incident.unreadable"), "{alerts:#?}");
        path.alerts.wait_for(&sound, 2).await?;
        path.is_empty().await?;

        // A failure is reported although the item is damaged.
        put(cloud, &path, &item).await?;
        path.queue.send(&[notice(&broken, "vhost.missing", "2", NOW)]).await?;
        path.alerts.wait_for(&broken, 2).await?;
        Ok(())
    })
}

#[test]
fn a_session_that_outlives_rotations_is_reported_once_and_ends_with_two_rotations_that_report_none()
-> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "outlived", &[]).await?;
        let secret = real_secret(cloud, "outlived").await?;
        let report = |request: &str, at: &str| notice(&secret, "connections.outlived", request, at);
        path.queue.send(&[report("1", "2026-11-24T08:00:00Z")]).await?;
        path.alerts.wait_for(&secret, 1).await?;
        path.rule.send(&[succeeded(&secret, "2026-11-24T08:00:20Z")]).await?;
        path.is_empty().await?;
        path.queue.send(&[report("2", "2026-11-25T08:00:00Z")]).await?;
        path.is_empty().await?;
        let alerts = path.alerts.about(&secret).await?;
        ensure!(types(&alerts) == ["incident.opened"], "its own rotation closes it: {alerts:#?}");
        path.rule.send(&[succeeded(&secret, "2026-11-26T08:00:20Z")]).await?;
        path.is_empty().await?;
        let alerts = path.alerts.about(&secret).await?;
        ensure!(types(&alerts) == ["incident.opened"], "that one looked at the other user: {alerts:#?}");
        path.rule.send(&[succeeded(&secret, "2026-11-27T08:00:20Z")]).await?;
        let alerts = path.alerts.wait_for(&secret, 2).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn incidents_go_to_a_bus_of_their_own_where_the_stack_has_one() -> Result<()> {
    on_the_cloud(async |cloud| {
        let bus = name("bus");
        let path = Path::deploy(cloud, "own-bus", &[("EventBusName", &bus)]).await?;
        let secret = secret("own-bus");
        path.queue.send(&[notice(&secret, "vhost.missing", "1", "2026-11-25T08:00:00Z")]).await?;
        // The stack's listener is on that bus, and the cloud's listener is on the default one.
        path.alerts.wait_for_events(&secret, 1).await?;
        let described = run_cli(cloud, &["events", "describe-event-bus", "--name", &bus]).await?;
        let policy = described["Policy"].as_str().context("the bus has no policy")?;
        ensure!(policy.contains("Deny") && policy.contains("HandlerRole"), "{policy}");
        ensure!(cloud.alerts.events_about(&secret).await?.is_empty(), "it is on the default bus");
        Ok(())
    })
}
