//! secret2eks has only permissions that it needs: without any one of them, a delivery fails.

use anyhow::{Result, ensure};
use end_to_end::{alone_on_the_cluster, name};
use testbed::cloud::{Answer, Cloud, workspace};

use super::routed::{Routed, until};
use crate::rights::{Role, Unasked};

const UNASKED: [Unasked<'_>; 4] = [
    ("sns:Publish", "", "Lambda sends the record of a failed event with the function's role"),
    ("sqs:SendMessage", "", "Lambda sends the record of a success with the function's role"),
    ("kms:", "", "SNS and SQS ask for them in the caller's name"),
    ("logs:", "", "Lambda writes the log with the function's role"),
];

#[test]
fn every_permission_in_the_cluster_is_needed() -> Result<()> {
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
fn every_permission_in_the_account_is_needed() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let role = Role::of(cloud, &cloud.stack, "Secret2EksRole").await?;
        role.needs_each_of_its_rights(&UNASKED, async || {
            // Start a new process, because a running one has the address of the cluster already.
            cloud.add_variables(cloud.delivery_function()?, &[("ATTEMPT", &name("attempt"))]).await?;
            let secret = Routed::create(cloud, &name("account"), &[]).await?;
            secret.deliver().await.map(drop)
        })
        .await?;
        delivers_again(cloud).await
    })
}

async fn delivers_again(cloud: &Cloud) -> Result<()> {
    let secret = Routed::create(cloud, &name("restored"), &[]).await?;
    until("a delivery succeeds again", async || {
        Ok(matches!(cloud.deliver(&secret.arn).await?, Answer::Done(_)))
    })
    .await
}
