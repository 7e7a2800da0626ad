//! The daily run for all secrets: which owner is notified, about what, and how often.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Alerts, Cloud, tag};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};
use testbed::schema::valid;

async fn secret(cloud: &Cloud, name: &str, tags: &[(&str, &str)]) -> Result<String> {
    let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
    let create = cloud.secrets.create_secret().name(name).secret_string("a value that people replace");
    create.set_tags(Some(tags)).send().await?.arn.context("no ARN")
}

/// A lock for the runs, because a run while a test creates its many secrets would report some of them.
pub static LOOK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

pub async fn watch(cloud: &Cloud) -> Result<Value> {
    let _look = LOOK.lock().await;
    let function = cloud.stack.output("WatchFunctionName")?;
    cloud.invoke_function(function, &json!({})).await?.value()
}

/// A stack of its own, because the runs of other tests would ask for the ages of the test's secrets first: its function, its
/// alerts, and the proxy between its function and Secrets Manager.
async fn own_stack(cloud: &Cloud, own: &str) -> Result<(String, Alerts, FaultProxy)> {
    let variant = cloud.deploy_variant(own, &[], &[]).await?;
    let alerts = cloud.alerts_of(&variant).await?;
    let function = variant.stack.output("WatchFunctionName")?.to_owned();
    let proxy = FaultProxy::http(cloud.aws.endpoint())?;
    cloud.add_variables(&function, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.url())]).await?;
    Ok((function, alerts, proxy))
}

/// A call for the ages of a secret whose ARN contains `words`.
fn asks_about(words: &str) -> impl Fn(&Call) -> bool + Send + Sync + use<> {
    let words = words.to_owned();
    move |call: &Call| {
        call.operation() == "ListSecretVersionIds" && String::from_utf8_lossy(call.body()).contains(&words)
    }
}

#[test]
fn the_owner_of_a_secret_that_is_due_is_notified_once_a_day_with_its_playbook() -> Result<()> {
    on_the_cloud(async |cloud| {
        let owner = name("owner");
        let (due, fresh) = (format!("partner/{owner}-due"), format!("partner/{owner}-fresh"));
        let owned = ("rotation-watch/owner", owner.as_str());
        secret(cloud, &due, &[("rotation-watch/max-age-days", "5"), owned]).await?;
        secret(cloud, &fresh, &[("rotation-watch/max-age-days", "90"), owned]).await?;
        // Scheduler invokes at least once, so it may invoke twice.
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
        ensure!(cloud.alerts.about(&thread).await?.len() == 1, "notified twice on one day");
        Ok(())
    })
}

#[test]
fn a_policy_without_an_owner_is_reported_and_a_secret_without_a_policy_is_not_checked() -> Result<()> {
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
fn three_hundred_secrets_are_checked_and_the_second_time_without_requests_for_their_ages() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("many");
        let (function, alerts, proxy) = own_stack(cloud, &own).await?;
        for number in 0..300 {
            let name = format!("partner/{own}-{number}");
            let owner = format!("{own}-{}", number % 3);
            secret(cloud, &name, &[("rotation-watch/max-age-days", "2"), ("rotation-watch/owner", &owner)])
                .await?;
        }
        let asked = asks_about(&own);
        cloud.invoke_function(&function, &json!({})).await?.value()?;
        ensure!(proxy.count(&asked) >= 300, "{} requests for the ages of 300 secrets", proxy.count(&asked));
        for owner in 0..3 {
            let digests = alerts.wait_for(&format!("digest of {own}-{owner}"), 1).await?;
            let text = digests.first().context("no digest")?["content"]["description"].to_string();
            ensure!(text.contains("100 due") && text.contains("and 80 more"), "{text}");
        }

        proxy.reset();
        cloud.invoke_function(&function, &json!({})).await?.value()?;
        ensure!(proxy.count(|call| call.operation() == "ListSecrets") > 0, "the second run went another way");
        ensure!(proxy.count(&asked) == 0, "{} requests in the second run", proxy.count(&asked));
        Ok(())
    })
}

#[test]
fn a_run_that_is_cut_off_notifies_of_what_is_known_and_the_next_run_asks_only_for_the_rest() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("cut-off");
        let (function, alerts, proxy) = own_stack(cloud, &own).await?;
        // The secrets of other tests are checked first.
        cloud.invoke_function(&function, &json!({})).await?.value()?;
        // The time of the run ends before that of a call.
        cloud.add_variables(&function, &[("CALL_TIMEOUT_SECONDS", "20")]).await?;
        let timeout = cloud.lambda.update_function_configuration().timeout(30);
        timeout.function_name(&function).send().await.context("the function's timeout is not set")?;

        let (quick, slow) = (format!("{own}-quick"), format!("{own}-slow"));
        for owner in [&quick, &slow] {
            for number in 0..3 {
                let tags = [("rotation-watch/max-age-days", "5"), ("rotation-watch/owner", owner.as_str())];
                secret(cloud, &format!("partner/{owner}-{number}"), &tags).await?;
            }
        }
        proxy.inject(Rule::always(asks_about(&slow), Fault::Delay(Duration::from_secs(120))));
        let answer = cloud.invoke_function(&function, &json!({})).await?;
        ensure!(answer.kind() == "rotation.timed_out", "{answer:?}");
        ensure!(format!("{answer:?}").contains("the next run continues"), "{answer:?}");
        for (owner, asked) in
            [(&quick, proxy.count(asks_about(&quick))), (&slow, proxy.count(asks_about(&slow)))]
        {
            ensure!(asked >= 3, "{asked} requests about the secrets of {owner}");
        }
        alerts.wait_for(&format!("digest of {quick}"), 1).await?;
        ensure!(alerts.about(&format!("digest of {slow}")).await?.is_empty(), "their ages are not known");

        proxy.reset();
        cloud.invoke_function(&function, &json!({})).await?.value()?;
        let again = proxy.count(asks_about(&quick));
        ensure!(again == 0, "{again} requests about what the first run had found");
        let rest = proxy.count(asks_about(&slow));
        ensure!(rest == 3, "{rest} requests about the three others");
        alerts.wait_for(&format!("digest of {slow}"), 1).await?;
        let told = alerts.about(&format!("digest of {quick}")).await?;
        ensure!(told.len() == 1, "notified twice on one day: {told:?}");
        Ok(())
    })
}

#[test]
fn a_secret_that_cannot_be_read_is_reported_and_the_others_are_still_reported() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("refusing");
        let (first, last) = (format!("partner/{own}-1"), format!("partner/{own}-3"));
        let refusing = format!("partner/{own}-2");
        let owners = [format!("{own}-a"), format!("{own}-b")];
        let [mine, other] = &owners;
        let due = ("rotation-watch/max-age-days", "5");
        secret(cloud, &first, &[due, ("rotation-watch/owner", other)]).await?;
        let arn = secret(cloud, &refusing, &[due, ("rotation-watch/owner", mine)]).await?;
        secret(cloud, &last, &[due, ("rotation-watch/owner", other)]).await?;
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:ListSecretVersionIds", "Resource": "*",
        }]});
        let put = cloud.secrets.put_resource_policy().secret_id(&arn);
        put.resource_policy(policy.to_string()).send().await?;

        let answer = watch(cloud).await?;
        ensure!(answer["findings"]["secret.unwatched"].as_u64() >= Some(1), "{answer}");
        let told = cloud.alerts.wait_for(&arn, 1).await?;
        let alert = told.first().context("no alert")?;
        valid("alert", alert)?;
        ensure!(alert["metadata"]["eventType"] == "secret.unwatched", "{alert}");
        let context = &alert["metadata"]["additionalContext"];
        ensure!(context["kind"] == "secret.unwatched" && context["owner"] == mine.as_str(), "{alert}");
        ensure!(alert.to_string().contains("infra/playbooks/secret-due.md#secret.unwatched"), "{alert}");
        // The secrets before and after it in the list.
        let digests = cloud.alerts.wait_for(&format!("digest of {other}"), 1).await?;
        let text = digests.first().context("no digest")?["content"]["description"].to_string();
        ensure!(text.contains(&first) && text.contains(&last), "{text}");

        watch(cloud).await?;
        ensure!(cloud.alerts.about(&arn).await?.len() == 1, "notified twice on one day");
        cloud.secrets.delete_resource_policy().secret_id(&arn).send().await?;
        watch(cloud).await?;
        let digests = cloud.alerts.wait_for(&format!("digest of {mine}"), 1).await?;
        ensure!(digests.iter().any(|digest| digest.to_string().contains("secret.due")), "{digests:?}");
        Ok(())
    })
}

#[test]
fn a_deleted_secret_is_skipped_and_one_without_an_answer_fails_the_run_after_all_notifications() -> Result<()>
{
    on_the_cloud(async |cloud| {
        let own = name("vanishing");
        let (function, alerts, proxy) = own_stack(cloud, &own).await?;
        // The secrets of other tests are checked first.
        cloud.invoke_function(&function, &json!({})).await?.value()?;

        let due = ("rotation-watch/max-age-days", "5");
        let owned = async |part: &str, owner: &str| {
            let owner = format!("{own}-{owner}");
            secret(cloud, &format!("partner/{own}-{part}"), &[due, ("rotation-watch/owner", &owner)]).await
        };
        let gone = owned("1", "gone").await?;
        let silent = owned("2", "silent").await?;
        owned("3", "told").await?;
        proxy.inject(Rule::always(asks_about(&gone), Fault::aws_error(400, "ResourceNotFoundException")));
        proxy.inject(Rule::always(asks_about(&silent), Fault::aws_error(500, "InternalServiceError")));
        let answer = cloud.invoke_function(&function, &json!({})).await?;
        ensure!(answer.kind() == "aws.request_failed", "{answer:?}");
        ensure!(format!("{answer:?}").contains(&silent), "it names the secret: {answer:?}");
        alerts.wait_for(&format!("digest of {own}-told"), 1).await?;
        for owner in ["gone", "silent"] {
            ensure!(alerts.about(&format!("digest of {own}-{owner}")).await?.is_empty(), "{owner}");
        }
        ensure!(alerts.about(&gone).await?.is_empty(), "a secret that is gone is no finding");

        // The next run checks it again.
        proxy.reset();
        cloud.invoke_function(&function, &json!({})).await?.value()?;
        alerts.wait_for(&format!("digest of {own}-silent"), 1).await?;
        ensure!(
            alerts.about(&format!("digest of {own}-told")).await?.len() == 1,
            "notified twice on one day"
        );
        Ok(())
    })
}
