//! The playbook about reads of secrets and changes of what protects them.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};

use super::open;
use crate::access::{Watch, read, reader, trace};
use crate::support::run_cli;

#[test]
fn an_unexpected_read_and_changes_are_looked_at_undone_and_closed_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let watch = Watch::deploy(cloud, "access-page", &name("store"), &[]).await?;
        let variant = &watch.path.variant;
        let user = watch.name_of("app");
        let app = cloud.create_app(&user).await?;
        let secret = format!("rabbitmq/{user}");
        trace(cloud, &secret, testbed::aws::RotationOptions::default()).await?;
        let stranger = reader(cloud, "stranger").await?;
        read(&stranger, &secret).await?;
        let alerts = watch.path.alerts.wait_for(&app.arn, 1).await?;
        let event = alerts[0].to_string();
        let event = event.split("AttributeValue=").nth(1).and_then(|rest| rest.split(' ').next());
        let key = run_cli(cloud, &["kms", "create-key"]).await?;
        let key = key["KeyMetadata"]["Arn"].as_str().context("no ARN")?.to_owned();

        let mut page = open(cloud, "unexpected-access.md")?;
        page.set("SECRET", &secret);
        page.set("STACK", &variant.name);
        page.set("EVENT", event.context("the alert names no event")?);
        page.set("READERS", &stranger.role);
        page.set("KEY", &key);
        page.set("REASON", "the audit of November");
        for _ in 0..3 {
            page.run().await?;
        }
        let incident = page.run().await?;
        ensure!(
            incident.contains("access.unknown_reader") && incident.contains(&stranger.role),
            "{incident}"
        );
        page.run().await?;
        page.run().await?;
        ensure!(page.run().await?.contains(&stranger.role), "the readers");
        page.run().await?;
        page.run().await?;
        let limit = std::time::Duration::from_secs(60);
        let rotation = cloud.aws.wait_for_rotation(&app.arn, None, limit).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        cloud.secrets.delete_secret().secret_id(&app.arn).send().await?;
        ensure!(page.run().await?.contains("None\tTrue"), "the secret is not restored");
        let delete = ["kms", "schedule-key-deletion", "--key-id", &key, "--pending-window-in-days", "7"];
        run_cli(cloud, &delete).await?;
        page.run().await?;
        ensure!(page.run().await?.contains("PendingDeletion"), "the state of the key");
        page.run().await?;
        page.run().await?;
        page.run().await?;
        page.run().await?;
        page.run().await?;
        let is_closed = |alert: &serde_json::Value| {
            alert["metadata"]["eventType"] == "incident.closed"
                && alert.to_string().contains("the audit of November")
        };
        watch.path.alerts.wait_until(1, is_closed).await?;
        page.end()
    })
}
