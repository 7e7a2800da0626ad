//! secret2eks has only permissions that it needs: without any one of them, a delivery fails.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name};
use serde_json::json;
use testbed::cloud::{Answer, Cloud, workspace};
use testbed::schema::valid;

use super::life::Suite;
use super::routed::{Routed, until};
use crate::rights::{Role, Unasked};

/// The permissions in each namespace that takes part.
const ALL: &str = "verbs: [get, create, patch, delete]";

const UNASKED: [Unasked<'_>; 4] = [
    ("sns:Publish", "", "only Lambda needs it, for the records of failed events: see rights/records.rs"),
    ("sqs:SendMessage", "", "only Lambda needs it, for the records of successes: see rights/records.rs"),
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
            (ALL, "verbs: [create, patch, delete]"),
            (ALL, "verbs: [get, patch, delete]"),
            (ALL, "verbs: [get, create, delete]"),
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
fn the_permissions_to_list_and_to_delete_are_needed_by_the_reconcile() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "reconcile-rights").await?;
        let kubernetes = cloud.kubernetes()?;
        let access = std::fs::read_to_string(workspace().join("infra/kubernetes/access.yaml"))?;
        for (right, less) in
            [("    verbs: [list]", "    verbs: [watch]"), (ALL, "verbs: [get, create, patch]")]
        {
            ensure!(access.contains(right), "access.yaml has no `{right}`");
            kubernetes.apply_manifests(&access.replace(right, less)).await?;
            let missed = until(less, async || {
                // The run before may still have had the permission.
                let secret = suite.delivered("leaving").await?;
                secret.delete().await?;
                Ok(suite.order(&json!({"Action": "reconcile"})).await?.kind() == "cluster.access_denied")
            })
            .await;
            kubernetes.apply_manifests(&access).await?;
            missed?;
        }
        until("the permissions are back", async || {
            Ok(suite.order(&json!({"Action": "reconcile"})).await?.kind().is_empty())
        })
        .await
    })
}

#[test]
fn every_permission_in_the_account_is_needed() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "account-rights").await?;
        let role = Role::of(cloud, &suite.variant.stack, "Secret2EksRole").await?;
        role.needs_each_of_its_rights(&UNASKED, async || {
            // Start a new process, because a running one has the address of the cluster already.
            cloud.add_variables(suite.function()?, &[("ATTEMPT", &name("attempt"))]).await?;
            suite.create("rotated", &[("rotation-mq", "rotate")]).await?.deliver().await?;
            // A value that nobody vouches for is checked. Without the permission, it is delivered with a warning.
            ensure!(super::vouched::is_refused(&suite).await?, "a value was not checked");
            // A secret that the reconcile finds and requests.
            suite.create("missed", &[]).await?;
            suite.reconcile().await.map(drop)
        })
        .await
    })
}

#[test]
fn what_a_look_may_not_read_is_unknown_or_named_and_the_rest_is_answered() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "look-rights").await?;
        let (own, other) =
            (suite.create("own-store", &[]).await?, ("secret2eks/store", "ClusterSecretStore/none"));
        let of_all = suite.create("store-of-all", &[other]).await?;
        let event = json!({"Action": "look", "SecretIds": [own.arn, of_all.arn]});
        let look = async || suite.order(&event).await?.value();
        let whole = look().await?;
        valid("cluster-look", &whole)?;
        ensure!(
            whole["apiVersions"].as_array().is_some_and(|versions| versions.contains(&json!("v1"))),
            "{whole}"
        );
        ensure!(
            whole["missingPermissions"] == json!([]) && whole["places"][0]["store"]["state"] == "ready",
            "{whole}"
        );
        ensure!(whole["places"][1]["store"]["state"] == "missing", "{whole}");

        let kubernetes = cloud.kubernetes()?;
        let access = std::fs::read_to_string(workspace().join("infra/kubernetes/access.yaml"))?;
        for (right, less, pointer, expected) in [
            (
                "resources: [secretstores]\n    verbs: [get]",
                "[list]",
                "/places/0/store/state",
                json!("unknown"),
            ),
            (
                "resources: [clustersecretstores]\n    verbs: [get]",
                "[list]",
                "/places/1/store/state",
                json!("unknown"),
            ),
            (
                "resources: [namespaces]\n    verbs: [get]",
                "[list]",
                "/missingPermissions",
                json!(["get namespaces"]),
            ),
            (
                ALL,
                "[get, create, delete]",
                "/places/0/missingPermissions",
                json!(["patch externalsecrets.external-secrets.io"]),
            ),
        ] {
            ensure!(access.contains(right), "access.yaml has no `{right}`");
            let (kept, _) = right.rsplit_once("verbs: ").context("no verbs")?;
            kubernetes.apply_manifests(&access.replace(right, &format!("{kept}verbs: {less}"))).await?;
            let missed = until(right, async || {
                Ok(look().await?.pointer(pointer).is_some_and(|found| *found == expected))
            })
            .await;
            kubernetes.apply_manifests(&access).await?;
            missed?;
        }
        until("the permissions are back", async || Ok(look().await?["places"] == whole["places"])).await
    })
}

async fn delivers_again(cloud: &Cloud) -> Result<()> {
    let secret = Routed::create(cloud, &name("restored"), &[]).await?;
    until("a delivery succeeds again", async || {
        Ok(matches!(cloud.deliver(&secret.arn).await?, Answer::Done(_)))
    })
    .await
}
