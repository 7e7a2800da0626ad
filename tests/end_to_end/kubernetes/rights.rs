//! secret2eks has the rights that it needs: each one taken away, and a delivery fails.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name};
use serde_json::{Value, json};
use testbed::cloud::{Answer, Cloud, workspace};

use super::routed::{Routed, until};
use crate::support::run_cli;

#[test]
fn every_right_in_the_cluster_is_needed() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let access = std::fs::read_to_string(workspace().join("infra/kubernetes/access.yaml"))?;
        let without = [
            ("resources: [namespaces]\n    verbs: [get]", "resources: [namespaces]\n    verbs: [list]"),
            ("verbs: [get, create, patch]", "verbs: [create, patch]"),
            ("verbs: [get, create, patch]", "verbs: [get, patch]"),
            ("verbs: [get, create, patch]", "verbs: [get, create]"),
        ];
        for (right, less) in without {
            ensure!(access.contains(right), "access.yaml has no `{right}`");
            kubernetes.apply_manifests(&access.replace(right, less)).await?;
            let missed = until(less, async || {
                let secret = Routed::create(cloud, &name("rights"), &[]).await?;
                Ok(cloud.deliver(&secret.arn).await?.kind() == "cluster.access_denied")
            })
            .await;
            kubernetes.apply_manifests(&access).await?;
            missed?;
        }
        delivers_again(cloud).await
    })
}

#[test]
fn every_right_in_the_account_is_needed() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let arn = cloud.stack.output("Secret2EksRoleArn")?;
        let role = arn.rsplit('/').next().context("a role without a name")?;
        for (policy, action) in [
            ("secrets", "secretsmanager:DescribeSecret"),
            ("secrets", "secretsmanager:TagResource"),
            ("cluster", "eks:DescribeCluster"),
        ] {
            let names = ["--role-name", role, "--policy-name", policy];
            let found = run_cli(cloud, &[&["iam", "get-role-policy"], &names[..]].concat()).await?;
            let whole = found["PolicyDocument"].to_string();
            let less = without(&found["PolicyDocument"], action).to_string();
            put(cloud, &names, &less).await?;
            // A new process: a running one has asked for the cluster already.
            cloud.add_variables(cloud.delivery_function()?, &[("TAKEN_AWAY", action)]).await?;
            let secret = Routed::create(cloud, &name("account"), &[]).await?;
            let answer = cloud.deliver(&secret.arn).await?;
            put(cloud, &names, &whole).await?;
            ensure!(answer.kind() == "aws.access_denied", "without {action}: {answer:?}");
        }
        delivers_again(cloud).await
    })
}

fn without(policy: &Value, action: &str) -> Value {
    let mut policy = policy.clone();
    for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
        if statement["Action"] == action {
            statement["Action"] = json!("sts:GetCallerIdentity");
        }
    }
    policy
}

async fn put(cloud: &Cloud, names: &[&str], document: &str) -> Result<()> {
    let arguments = [&["iam", "put-role-policy"], names, &["--policy-document", document]].concat();
    run_cli(cloud, &arguments).await.map(drop)
}

async fn delivers_again(cloud: &Cloud) -> Result<()> {
    let secret = Routed::create(cloud, &name("restored"), &[]).await?;
    until("a delivery succeeds again", async || {
        Ok(matches!(cloud.deliver(&secret.arn).await?, Answer::Done(_)))
    })
    .await
}
