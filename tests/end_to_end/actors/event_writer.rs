//! Somebody with `events:PutEvents` on the account's default bus.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::Cloud;

use super::actor::{Actor, allow};
use super::forged;
use crate::failure_path::{Path, notice, secret, types};

async fn event_writer<'a>(cloud: &'a Cloud) -> Result<Actor<'a>> {
    let bus = format!("arn:aws:events:{}:{}:event-bus/default", cloud.aws.region(), cloud.aws.account());
    Actor::with(cloud, "event-writer", &[allow(&["events:PutEvents"], &[&bus])]).await
}

async fn put(writer: &Actor<'_>, entry: &Value) -> Result<Value> {
    let entries = json!([entry]).to_string();
    writer.cli(&["events", "put-events", "--entries", &entries]).await?.allowed("an event")
}

#[test]
fn an_event_on_the_default_bus_does_not_reach_a_siem_that_listens_on_the_stacks_own() -> Result<()> {
    on_the_cloud(async |cloud| {
        let bus = name("siem-bus");
        let path = Path::deploy(cloud, "siem", &[("EventBusName", &bus)]).await?;
        let secret = secret(&name("over"));
        path.queue.send(&[notice(&secret, "vhost.missing", "1", &forged::now()?)]).await?;
        let opened = path.alerts.wait_for_events(&secret, 1).await?;
        let mut closed = opened.first().cloned().unwrap_or_default()["detail"].clone();
        closed["state"] = json!("closed");
        let writer = event_writer(cloud).await?;
        let entry = json!({
            "Source": "secret-rotation", "DetailType": "Rotation Incident Closed", "Detail": closed.to_string(),
        });
        put(&writer, &entry).await?;
        // A real event of the functions follows it.
        path.queue.send(&[notice(&secret, "current.login_refused", "2", &forged::now()?)]).await?;
        path.alerts.wait_for(&secret, 2).await?;
        let events = path.alerts.wait_for_events(&secret, 1).await?;
        let is_closed = |event: &&Value| event["detail"]["state"] == "closed";
        ensure!(events.iter().filter(is_closed).count() == 0, "{events:#?}");
        Ok(())
    })
}

#[test]
fn nobody_puts_an_event_in_secrets_managers_name() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "in-its-name", &[]).await?;
        let secret = secret(&name("in-its-name"));
        path.queue.send(&[notice(&secret, "vhost.missing", "1", &forged::now()?)]).await?;
        path.alerts.wait_for(&secret, 1).await?;
        let writer = event_writer(cloud).await?;
        let forged = forged::succeeded(&secret, &forged::now()?);
        let entry = |source: &str| {
            json!({
                "Source": source, "DetailType": forged["detail-type"], "Detail": forged["detail"].to_string(),
            })
        };
        // Only AWS services may use sources that begin with `aws.`.
        let answer = put(&writer, &entry("aws.secretsmanager")).await?;
        ensure!(answer["FailedEntryCount"] == 1, "{answer}");
        ensure!(answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException", "{answer}");
        put(&writer, &entry("AWS.secretsmanager")).await?;
        path.is_empty().await?;
        let alerts = path.alerts.about(&secret).await?;
        ensure!(types(&alerts) == ["incident.opened"], "{alerts:#?}");
        Ok(())
    })
}
