//! The daily look at all secrets: who is told what is due, and how often.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, tag};

use crate::support::valid;

async fn secret(cloud: &Cloud, name: &str, tags: &[(&str, &str)]) -> Result<String> {
    let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
    let create = cloud.secrets.create_secret().name(name).secret_string("a value that people replace");
    create.set_tags(Some(tags)).send().await?.arn.context("no ARN")
}

/// A look while a test makes its many secrets would tell of some of them.
pub static LOOK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

pub async fn watch(cloud: &Cloud) -> Result<Value> {
    let _look = LOOK.lock().await;
    look(cloud).await
}

async fn look(cloud: &Cloud) -> Result<Value> {
    let function = cloud.stack.output("WatchFunctionName")?;
    cloud.invoke_function(function, &json!({})).await?.value()
}

#[test]
fn the_owner_of_a_secret_that_is_due_is_told_once_a_day_with_its_playbook() -> Result<()> {
    on_the_cloud(async |cloud| {
        let owner = name("owner");
        let (due, fresh) = (format!("partner/{owner}-due"), format!("partner/{owner}-fresh"));
        let owned = ("rotation-watch/owner", owner.as_str());
        secret(cloud, &due, &[("rotation-watch/max-age-days", "5"), owned]).await?;
        secret(cloud, &fresh, &[("rotation-watch/max-age-days", "90"), owned]).await?;
        // Scheduler calls at least once, so it may call twice.
        let (answer, other) = tokio::try_join!(watch(cloud), watch(cloud))?;
        for answer in [answer, other] {
            ensure!(answer["findings"]["secret.due"].as_u64() >= Some(1), "{answer}");
        }
        let thread = format!("digest of {owner}");
        let digests = cloud.alerts.wait_for(&thread, 1).await?;
        let digest = digests.first().context("no digest")?;
        valid("alert", digest)?;
        ensure!(digest["metadata"]["eventType"] == "secrets.digest", "{digest}");
        let text = digest["content"]["description"].as_str().unwrap_or_default();
        ensure!(text.contains(&due) && !text.contains(&fresh), "{text}");
        ensure!(digest["metadata"]["additionalContext"]["owner"] == owner.as_str(), "{digest}");
        ensure!(digest.to_string().contains("infra/playbooks/secret-due.md#secret.due"), "{digest}");

        watch(cloud).await?;
        ensure!(cloud.alerts.about(&thread).await?.len() == 1, "told twice on one day");
        Ok(())
    })
}

#[test]
fn a_policy_without_an_owner_is_told_and_a_secret_without_a_policy_is_not_looked_at() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("unowned");
        let arn = secret(cloud, &format!("partner/{own}"), &[("rotation-watch/max-age-days", "90")]).await?;
        let other = secret(cloud, &format!("partner/{own}-other"), &[("team", "shop")]).await?;
        watch(cloud).await?;
        let mentions = |alert: &Value| alert.to_string().contains(&arn);
        let told = cloud.alerts.wait_until(1, mentions).await?;
        ensure!(told.iter().all(|alert| !alert.to_string().contains(&other)), "{told:?}");
        Ok(())
    })
}

#[test]
fn three_hundred_secrets_are_looked_at_and_the_second_time_without_asking_for_their_ages() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("many");
        let alone = LOOK.lock().await;
        for number in 0..300 {
            let name = format!("partner/{own}-{number}");
            let owner = format!("{own}-{}", number % 3);
            secret(cloud, &name, &[("rotation-watch/max-age-days", "2"), ("rotation-watch/owner", &owner)])
                .await?;
        }
        let first = std::time::Instant::now();
        look(cloud).await?;
        let first = first.elapsed();
        drop(alone);
        for owner in 0..3 {
            let digests = cloud.alerts.wait_for(&format!("digest of {own}-{owner}"), 1).await?;
            let text = digests.first().context("no digest")?["content"]["description"].to_string();
            ensure!(text.contains("100 due") && text.contains("and 80 more"), "{text}");
        }
        let second = std::time::Instant::now();
        watch(cloud).await?;
        ensure!(second.elapsed() < first / 2, "{:?} after {first:?}", second.elapsed());
        Ok(())
    })
}
