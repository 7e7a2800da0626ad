//! A secret that only people can rotate. Its owner gets a reminder before the secret is too old and stores a new value
//! with the playbook. Then the value is delivered to the cluster.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, random_text, route_to, tag};
use testbed::playbook::{Page, script};

use super::letter;
use crate::commands::report::{Report, duration};

const SECRET: &str = "rabbitmq/partner-gateway";
const NAMESPACE: &str = "partners";
const NAME: &str = "gateway";
const OWNER: &str = "payments";
const LIMIT: Duration = Duration::from_secs(30);

/// Creates the secret, runs rotation-watch, replaces the value by hand, and waits for its delivery.
pub async fn show(cloud: &Cloud, report: &mut Report) -> Result<()> {
    report.section("A secret that people rotate; two tags define its policy");
    let arn = create(cloud, report).await?;

    report.section("The daily run of rotation-watch");
    let watch = cloud.stack.output("WatchFunctionName")?;
    let answer = cloud.invoke_function(watch, &json!({})).await?.value()?;
    report.field("result", &answer.to_string());
    let thread = format!("digest of {OWNER}");
    let digests = cloud.alerts.wait_for(&thread, 1).await?;
    let digest = digests.first().context("no digest")?;
    letter::show(digest)?;
    let is_due = digest.to_string().contains(SECRET) && digest.to_string().contains("secret.due");
    report.check("the owner is notified before the secret is overdue", Ok(is_due));
    cloud.invoke_function(watch, &json!({})).await?.value()?;
    let still_one = cloud.alerts.about(&thread).await.map(|digests| digests.len() == 1);
    report.check("a second run on the same day sends no second message", still_one);

    let stored = store(cloud, report).await?;
    report.section("The delivery");
    let began = Instant::now();
    let version = cloud.version(&arn, "AWSCURRENT").await?.context("nothing is current")?;
    let holds =
        |data: &testbed::kubernetes::SecretData| data.get("password").map(String::as_str) == Some(&stored);
    cloud.kubernetes()?.wait_for_secret(NAMESPACE, NAME, holds, LIMIT).await?;
    report.field("waited", &duration(began.elapsed()));
    report.check("the Kubernetes Secret holds the new value", Ok(true));
    let object = cloud.kubernetes()?.external_secret(NAMESPACE, NAME).await?.unwrap_or_default();
    let is_named = object["metadata"]["annotations"]["secret2eks/version-id"] == version.as_str();
    report.check(&format!("the ExternalSecret names the version: {version}"), Ok(is_named));
    let receipt = cloud.tag_of(&arn, "secret2eks/delivered").await;
    let has_none = receipt.map(|receipt| receipt.is_none());
    report.check("the secret has no receipt, because no rotation waits for it", has_none);
    Ok(())
}

async fn create(cloud: &Cloud, report: &Report) -> Result<String> {
    let kubernetes = cloud.kubernetes()?;
    kubernetes.create_delivery_namespace(&cloud.aws, NAMESPACE, &[]).await?;
    let mut tags = route_to(NAMESPACE, NAME).to_vec();
    tags.extend([("rotation-watch/max-age-days", "5"), ("rotation-watch/owner", OWNER)]);
    let names: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    report.field("name", SECRET);
    report.field("tags", &names.join("\n                 "));
    let create =
        cloud.secrets.create_secret().name(SECRET).secret_string(value(&random_text(24)?).to_string());
    let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
    create.set_tags(Some(tags)).send().await?.arn.context("no ARN")
}

fn value(password: &str) -> Value {
    json!({"username": "gateway", "password": password})
}

/// Runs the commands of the playbook with an editor that types for the owner. Returns the new password.
async fn store(cloud: &Cloud, report: &mut Report) -> Result<String> {
    report.section("The owner stores a new value with the commands of infra/playbooks/secret-due.md");
    let folder = cloud.folder().join("playbook-due");
    let mut page = Page::open(cloud, "secret-due.md", &folder)?;
    let (password, editor) = (random_text(24)?, folder.join("bin/editor"));
    std::fs::write(folder.join("new.json"), value(&password).to_string())?;
    script(&editor, "#!/bin/sh\ncat new.json >\"$1\"; rm new.json\n")?;
    page.set("SECRET", SECRET);
    page.set("EDITOR", &editor.display().to_string());
    page.run().await?;
    for _ in 0..3 {
        if !page.next_block().starts_with("export ") {
            letter::show_commands(page.next_block());
        }
        page.run().await?;
    }
    let left = folder.join("value.json").exists();
    report.check("no file with the value remains", Ok(!left));
    Ok(password)
}
