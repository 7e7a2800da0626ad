//! What is wrong in the cluster, or between the cluster and secret2eks.

use std::process::Command;

use anyhow::{Result, ensure};
use testbed::kubernetes::CLUSTER;

use super::setup::SetUp;
use crate::support::run_cli;

pub async fn each_broken_part_of_the_cluster_is_named(setup: &SetUp) -> Result<()> {
    places_and_permissions(setup).await?;
    no_access(setup).await
}

async fn places_and_permissions(setup: &SetUp) -> Result<()> {
    let own = setup.own.as_str();
    let place = |namespace, name, store| {
        [("secret2eks/namespace", namespace), ("secret2eks/name", name), ("secret2eks/store", store)]
    };
    let mut arns = Vec::new();
    for (name, tags) in [
        ("nowhere", place("no-such-namespace", "nowhere", "SecretStore/aws").to_vec()),
        ("tenant", [&place(own, "tenant", "SecretStore/aws")[..], &[("tenant", "acme")]].concat()),
        ("storeless", place(own, "storeless", "SecretStore/missing").to_vec()),
    ] {
        arns.push(setup.store(&format!("{own}/{name}"), "{}", &tags).await?);
    }
    let binding = ["-n", own, "get", "rolebinding", "secret2eks", "-o", "json"];
    let before = kubectl(setup, &binding)?;
    kubectl(setup, &["-n", own, "delete", "rolebinding", "secret2eks"])?;
    setup.run_the_operator("v1.1.0").await?;

    let seen = setup.doctor(&[]).await;
    setup.run_the_operator("v2.9.0").await?;
    setup.cloud.kubernetes()?.apply_manifests(&without_server_fields(&before)?).await?;
    for arn in &arns {
        setup.remove(arn).await?;
    }
    seen?.names_only(&[
        ("cluster.namespaces", "/nowhere", "does not exist"),
        ("cluster.namespaces", "/tenant", "is not for the namespace"),
        ("cluster.permissions", own, "may not get externalsecrets"),
        ("cluster.operator", "", "v1.1.0 has known holes"),
    ])?;
    the_store_is_missing(setup).await
}

/// With its permission, secret2eks sees that there is no such store.
async fn the_store_is_missing(setup: &SetUp) -> Result<()> {
    let own = setup.own.as_str();
    let tags = [
        ("secret2eks/namespace", own),
        ("secret2eks/name", "storeless"),
        ("secret2eks/store", "SecretStore/missing"),
    ];
    let arn = setup.store(&format!("{own}/storeless-2"), "{}", &tags).await?;
    let seen = setup.doctor(&[]).await;
    setup.remove(&arn).await?;
    seen?.names_only(&[("cluster.stores", "SecretStore/missing", "does not exist")])
}

async fn no_access(setup: &SetUp) -> Result<()> {
    let role = setup.variant.stack.output("Secret2EksRoleArn")?;
    let entry = ["--cluster-name", CLUSTER, "--principal-arn", role];
    let update = [&["eks", "update-access-entry"], &entry[..], &["--kubernetes-groups"]].concat();
    run_cli(setup.cloud, &[&update[..], &["other"]].concat()).await?;
    let seen = setup.doctor(&[]).await;
    run_cli(setup.cloud, &[&update[..], &["secret2eks"]].concat()).await?;
    seen?.names(&[("cluster.access_entry", "", "lacks the group `secret2eks`")])
}

/// As the admin of the cluster.
fn kubectl(setup: &SetUp, arguments: &[&str]) -> Result<String> {
    let kubernetes = setup.cloud.kubernetes()?;
    let config = kubernetes.folder().join("doctor-kubeconfig");
    kubernetes.write_admin_kubeconfig(&config)?;
    let output = Command::new(kubernetes.kubectl()).env("KUBECONFIG", &config).args(arguments).output()?;
    ensure!(output.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The object as it can be created again.
fn without_server_fields(object: &str) -> Result<String> {
    let mut object: serde_json::Value = serde_json::from_str(object)?;
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|field, _| ["name", "namespace", "labels", "annotations"].contains(&field.as_str()));
    }
    Ok(object.to_string())
}
