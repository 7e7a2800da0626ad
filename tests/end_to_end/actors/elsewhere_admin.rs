//! The admin of a namespace with the same name in another cluster of the account, and the next owner of a name.
//!
//! The testbed's cluster acts as the other cluster. Its namespace has a store whose role was made for this cluster.
//! The secret goes to a namespace with that name in the cluster `production`.

use anyhow::Result;
use end_to_end::{name, on_the_cluster};
use testbed::aws::Stack;
use testbed::cloud::{Cloud, route_to, workspace};
use testbed::kubernetes::CLUSTER;

use super::namespace_admin::namespace_admin;
use super::namespace_admin::reading::{nothing_came, reading};
use crate::kubernetes::routed::{LIMIT, Routed};

/// The store `aws` of a namespace, whose role has the tags of its cluster and its tenant.
async fn store(cloud: &Cloud, namespace: &str, tenant: &str) -> Result<Stack> {
    let kubernetes = cloud.kubernetes()?;
    kubernetes.create_namespace(namespace, &[("tenant", tenant)]).await?;
    kubernetes.create_secret_store(&cloud.aws, namespace, "aws").await?;
    // Sets the role again, as README describes it for an account with more than one cluster or tenant.
    let issuer = kubernetes.issuer().trim_start_matches("https://");
    let parameters = [
        ("Issuer", issuer),
        ("Namespace", namespace),
        ("ServiceAccount", "aws"),
        ("SecretNamePrefix", "rabbitmq/"),
        ("Cluster", CLUSTER),
        ("Tenant", tenant),
    ];
    let template = workspace().join("infra/kubernetes/store-role.yaml");
    cloud.aws.deploy(&format!("store-{namespace}-aws"), &template, &parameters, &[]).await
}

#[test]
fn a_namespace_of_the_same_name_in_another_cluster_reads_nothing_of_this_one() -> Result<()> {
    on_the_cluster(async |cloud| {
        let namespace = name("twice");
        store(cloud, &namespace, "acme").await?;
        let admin = namespace_admin(cloud, &namespace).await?;
        let tagged = async |cluster: &str| {
            let own = name("of-cluster");
            let mut tags = route_to(&namespace, &own).to_vec();
            tags.extend([("tenant", "acme"), ("secret2eks/cluster", cluster)]);
            Routed::create_tagged(cloud, &own, &tags).await
        };
        let theirs = tagged("production").await?;
        let copy = name("copy");
        admin.apply(&reading(&namespace, &copy, &theirs.arn)).await?.allowed("an ExternalSecret")?;
        nothing_came(cloud, &namespace, &copy).await?;
        // secret2eks does not deliver it there either.
        theirs.refused("delivery.tags_invalid", "production").await?;

        let ours = tagged(CLUSTER).await?;
        let copy = name("copy");
        admin.apply(&reading(&namespace, &copy, &ours.arn)).await?.allowed("an ExternalSecret")?;
        cloud.kubernetes()?.wait_for_secret(&namespace, &copy, |_| true, LIMIT).await.map(drop)
    })
}

#[test]
fn the_next_owner_of_a_namespaces_name_reads_no_secret_of_the_tenant_before() -> Result<()> {
    on_the_cluster(async |cloud| {
        let namespace = name("inherited");
        store(cloud, &namespace, "next").await?;
        let admin = namespace_admin(cloud, &namespace).await?;
        for tenant in [Some("former"), None] {
            let own = name("of-tenant");
            let mut tags = route_to(&namespace, &own).to_vec();
            tags.push(("secret2eks/cluster", CLUSTER));
            tags.extend(tenant.map(|tenant| ("tenant", tenant)));
            let theirs = Routed::create_tagged(cloud, &own, &tags).await?;
            let copy = name("copy");
            admin.apply(&reading(&namespace, &copy, &theirs.arn)).await?.allowed("an ExternalSecret")?;
            nothing_came(cloud, &namespace, &copy).await?;
        }
        Ok(())
    })
}
