//! A tenant that re-tags, deletes and creates again: its secret never reaches another tenant's namespace.

use anyhow::{Result, ensure};
use end_to_end::{alone_on_the_cluster, name};

use super::life::Suite;
use super::routed::until;

/// Two namespaces of two tenants.
async fn tenants(suite: &Suite) -> Result<(String, String)> {
    let (acme, rival) = (name("acme"), name("rival"));
    suite.add_namespace(&acme, &[("tenant", "acme")]).await?;
    suite.add_namespace(&rival, &[("tenant", "rival")]).await?;
    Ok((acme, rival))
}

#[test]
fn a_tenant_that_moves_its_secret_into_another_tenants_namespace_reaches_nobody() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "intruder").await?;
        let (acme, rival) = tenants(&suite).await?;
        let place = [("secret2eks/namespace", acme.as_str()), ("tenant", "acme")];
        let secret = suite.create("secret", &place).await?;
        secret.deliver().await?;
        secret.set(&[("secret2eks/namespace", &rival)]).await?;
        let answer = suite.reconcile().await?;
        // It keeps its own copy, because it has not arrived anywhere else.
        ensure!(answer["requested"] == 1 && answer["takenBack"] == 0, "{answer}");
        secret.arrived_in(&acme, "first").await?;
        // The request that the reconcile has made fails, and so does each later one.
        ensure!(secret.attempt().await?.kind() == "delivery.tenant_mismatch");
        let kubernetes = cloud.kubernetes()?;
        ensure!(kubernetes.external_secret(&rival, &secret.name).await?.is_none(), "it reached the rival");
        ensure!(kubernetes.secret(&rival, &secret.name).await?.is_none(), "its value reached the rival");
        // A claim to be the other tenant is stopped by IAM (tenants.rs); here, the tag alone decides.
        secret.set(&[("secret2eks/namespace", &acme)]).await?;
        secret.deliver().await?;
        secret.arrived_in(&acme, "first").await
    })
}

#[test]
fn a_namespace_that_gets_another_tenant_loses_the_secrets_of_the_former_one() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "new-owner").await?;
        let (acme, _) = tenants(&suite).await?;
        let place = [("secret2eks/namespace", acme.as_str()), ("tenant", "acme")];
        let secret = suite.create("secret", &place).await?;
        secret.deliver().await?;
        cloud.kubernetes()?.create_namespace(&acme, &[("tenant", "heir")]).await?;
        let answer = suite.reconcile().await?;
        ensure!(answer["takenBack"] == 1 && answer["requested"] == 1, "{answer}");
        secret.left_from(&acme).await
    })
}

#[test]
fn a_tenant_that_re_tags_during_deliveries_ends_where_its_last_tags_say() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy_with_trail(cloud, "re-tagging").await?;
        let (acme, rival) = tenants(&suite).await?;
        let place = [("secret2eks/namespace", acme.as_str()), ("tenant", "acme")];
        let secret = suite.create("secret", &place).await?;
        for round in 0..5 {
            secret.put(&format!("round {round}")).await?;
            secret.set(&[("secret2eks/namespace", &rival)]).await?;
            secret.set(&[("secret2eks/namespace", &acme)]).await?;
        }
        secret.arrived_in(&acme, "round 4").await?;
        let kubernetes = cloud.kubernetes()?;
        ensure!(kubernetes.external_secret(&rival, &secret.name).await?.is_none(), "it reached the rival");
        suite.reconcile().await?;
        secret.arrived_in(&acme, "round 4").await
    })
}

#[test]
fn a_delivery_that_fails_after_its_secret_has_moved_leaves_nothing_in_the_old_place() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "left-behind").await?;
        let elsewhere = name("elsewhere");
        suite.add_namespace(&elsewhere, &[]).await?;
        // The object is written, but the operator cannot sync it, so the delivery waits until its time limit.
        let secret = suite.create("customer", &[("secret2eks/store", "SecretStore/missing")]).await?;
        let (failed, ()) = tokio::try_join!(secret.attempt(), async {
            until("the object is written", async || Ok(secret.external_secret().await?.is_some())).await?;
            secret
                .set(&[("secret2eks/namespace", &elsewhere), ("secret2eks/store", "SecretStore/aws")])
                .await?;
            secret.deliver().await?;
            ensure!(secret.external_secret().await?.is_some(), "it left before the delivery failed");
            Ok(())
        })?;
        ensure!(failed.kind() == "delivery.not_synced", "{failed:?}");
        secret.left().await?;
        secret.arrived_in(&elsewhere, "first").await
    })
}

#[test]
fn a_secret_that_is_created_again_with_the_same_name_takes_the_place_of_the_former() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "again").await?;
        let former = suite.delivered("customer").await?;
        let delete = cloud.secrets.delete_secret().secret_id(&former.arn);
        delete.force_delete_without_recovery(true).send().await?;
        let new = suite.create_named(&former.name, &[]).await?;
        ensure!(new.arn != former.arn, "the ARN is the same");
        let answer = suite.reconcile().await?;
        ensure!(answer["takenBack"] == 1 && answer["requested"] == 1, "{answer}");
        new.arrived("first").await?;
        let object = new.external_secret().await?.unwrap_or_default();
        ensure!(object["metadata"]["annotations"]["secret2eks/secret-arn"] == new.arn.as_str(), "{object}");
        Ok(())
    })
}
