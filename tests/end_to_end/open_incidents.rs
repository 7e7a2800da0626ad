//! The reports about an incident without news, and about an alarm.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;

use crate::failure_path::{Path, notice, types};
use crate::support::run_cli;

#[test]
fn an_incident_that_stays_open_for_a_day_is_reported_once_more() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "stays", &[]).await?;
        let secret = cloud.create_secret(&format!("rabbitmq/{}", name("stays")), "{}").await?;
        let sweep = json!({"schema": "dlq-handler-sweep/1"}).to_string();
        path.queue.send(&[notice(&secret, "vhost.missing", "1", "2020-01-01T00:00:00Z")]).await?;
        path.alerts.wait_for(&secret, 1).await?;
        path.own.send(&[sweep.clone(), sweep.clone()]).await?;
        path.alerts.wait_for(&secret, 2).await?;
        path.own.send(&[sweep]).await?;
        path.is_empty().await?;
        let alerts = path.alerts.about(&secret).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.stays_open"], "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn an_alarm_of_the_suite_is_an_alert_until_it_is_ok_again() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "alarming", &[]).await?;
        let alarm = format!("{}-rotation-mq-throttles", path.variant.name);
        for (state, count) in [("ALARM", 1), ("OK", 2)] {
            let set = ["cloudwatch", "set-alarm-state", "--alarm-name", &alarm, "--state-value", state];
            run_cli(cloud, &[&set[..], &["--state-reason", "a test"]].concat()).await?;
            path.alerts.wait_for(&alarm, count).await?;
        }
        let alerts = path.alerts.about(&alarm).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        ensure!(alerts.iter().all(|alert| alert.to_string().contains("alarm.raised")), "{alerts:#?}");
        Ok(())
    })
}
