//! A tenant who may tag its own secret, with the policy of `infra/policies` that denies tenants the tags for the
//! destination. IAM ignores case in the keys of a condition, but not in its values.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, tag, workspace};

use super::actor::{Actor, allow, attempt};

const POLICY: &str = "infra/policies/tenants-set-no-routing-tags.json";

/// A tenant's permissions on secrets under its own names. The policy denies the tags.
async fn tenant<'a>(cloud: &'a Cloud, own: &str) -> Result<Actor<'a>> {
    let (region, account) = (cloud.aws.region(), cloud.aws.account());
    let secrets = format!("arn:aws:secretsmanager:{region}:{account}:secret:rabbitmq/{own}-*");
    let mut statements = vec![allow(&["secretsmanager:*"], &[&secrets])];
    let policy: Value = serde_json::from_slice(&std::fs::read(workspace().join(POLICY))?)?;
    statements.extend(policy["Statement"].as_array().context("no statements")?.iter().cloned());
    Actor::with(cloud, "tenant", &statements).await
}

/// Each key with a meaning, in the forms that people and programs write it.
fn keys() -> Vec<String> {
    let keys = [
        "secret2eks/namespace",
        "secret2eks/name",
        "secret2eks/store",
        "secret2eks/keys",
        "secret2eks/mode",
        "secret2eks/cluster",
        "secret2eks/delivered",
        "rotation-mq",
        "rotation-mq/user",
        "rotation-watch/max-age-days",
        "rotation-watch/owner",
        "tenant",
    ];
    let capital = |key: &str| {
        let mut letters = key.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    keys.iter()
        .flat_map(|key| [Some((*key).to_owned()), Some(key.to_uppercase()), capital(key)])
        .flatten()
        .collect()
}

#[test]
fn a_tenant_sets_and_removes_no_tag_that_decides_in_whatever_case() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("tenant");
        let secret = cloud.create_secret(&format!("rabbitmq/{own}-mine"), "{}").await?;
        let tenant = tenant(cloud, &own).await?;
        let secrets = &tenant.secrets;
        for key in keys() {
            let tagged = secrets.tag_resource().secret_id(&secret).tags(tag(&key, "x")).send().await;
            attempt(tagged)?.denied(&format!("setting {key}"))?;
            // Also together with harmless tags.
            let tags = [tag("team", "cookies"), tag(&key, "x")];
            let both = secrets.tag_resource().secret_id(&secret).set_tags(Some(tags.to_vec())).send().await;
            attempt(both)?.denied(&format!("setting {key} beside another"))?;
            let untagged = secrets.untag_resource().secret_id(&secret).tag_keys(&key).send().await;
            attempt(untagged)?.denied(&format!("removing {key}"))?;
            let created = secrets.create_secret().name(format!("rabbitmq/{own}-{}", key.len()));
            let created = created.secret_string("{}").tags(tag(&key, "rotate")).send().await;
            attempt(created)?.denied(&format!("a secret with {key}"))?;
        }
        let harmless = secrets.tag_resource().secret_id(&secret).tags(tag("team", "cookies")).send().await;
        attempt(harmless)?.allowed("a tag that decides nothing").map(drop)
    })
}

#[test]
fn a_secret_whose_versions_nobody_may_list_does_not_silence_the_watch_for_others() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("silent");
        // Its stack: the tenant's pipeline has set a stack policy, and the tenant writes its resource policy.
        let variant = cloud.deploy_variant(&name("watched"), &[], &[]).await?;
        let alerts = cloud.alerts_of(&variant).await?;
        let watched = |owner: &str, name: String| {
            let tags = [tag("rotation-watch/max-age-days", "1"), tag("rotation-watch/owner", owner)];
            let create = cloud.secrets.create_secret().name(name).secret_string("{}");
            async move { create.set_tags(Some(tags.to_vec())).send().await?.arn.context("no ARN") }
        };
        // One before and one after it, in any order of the list.
        watched(&own, format!("rabbitmq/{own}-a")).await?;
        let silent = watched(&own, format!("rabbitmq/{own}-b")).await?;
        watched(&own, format!("rabbitmq/{own}-c")).await?;
        let tenant = tenant(cloud, &own).await?;
        let deny = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:ListSecretVersionIds", "Resource": "*",
        }]});
        let policy = tenant.secrets.put_resource_policy().secret_id(&silent);
        attempt(policy.resource_policy(deny.to_string()).send().await)?
            .allowed("a policy of its own secret")?;

        let function = variant.stack.output("WatchFunctionName")?;
        let _look = crate::watch::LOOK.lock().await;
        cloud.invoke_function(function, &json!({})).await?.value()?;
        let digests = alerts.wait_for(&format!("digest of {own}"), 1).await?;
        let text = digests.first().context("no digest")?.to_string();
        for due in ["a", "c"] {
            ensure!(text.contains(&format!("rabbitmq/{own}-{due}")), "{text}");
        }
        let told = alerts.wait_until(1, |alert| alert.to_string().contains(&format!("{own}-b"))).await?;
        ensure!(!told.is_empty());
        Ok(())
    })
}
