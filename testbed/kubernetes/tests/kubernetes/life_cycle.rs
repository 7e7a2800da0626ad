//! Start, stop and end of clusters.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubernetes::{CLUSTER, Kubernetes, ProjectedVolume};
use serde_json::Value;

use crate::support::{Delivery, shared, start, tools, until};

#[tokio::test]
async fn the_emulated_eks_names_the_endpoint_and_the_authority() -> Result<()> {
    let shared = shared().await?;
    let (endpoint, ca) = described(&shared.aws).await?;
    assert_eq!(endpoint, shared.kubernetes.endpoint());
    assert_eq!(ca, std::fs::read(shared.kubernetes.ca_pem())?);
    Ok(())
}

#[tokio::test]
async fn the_folder_of_an_earlier_cluster_is_refused() -> Result<()> {
    let shared = shared().await?;
    let again =
        Kubernetes::start(&Kubernetes::find(&tools())?, shared.kubernetes.folder(), &shared.aws).await;
    let message = again.map(drop).map_err(|error| error.to_string()).err().unwrap_or_default();
    assert!(message.contains("holds a cluster already"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_restart_keeps_all_objects_and_new_certificates_are_described_and_required() -> Result<()> {
    let own = start("kubernetes-restart").await?;
    let kubernetes = &own.kubernetes;
    let delivery = Delivery::new(&own, "kept", "one").await?;
    let folder = own.folder.join("volume");
    let _volume = ProjectedVolume::project(kubernetes, "kept", "broker", &folder).await?;
    kubernetes.stop_api_server().await;
    assert!(kubernetes.secret("kept", "broker").await.is_err(), "the API server was stopped");
    assert_eq!(std::fs::read_to_string(folder.join("password"))?, "one", "the volume stays as it is");
    kubernetes.start_api_server().await?;
    assert_eq!(delivery.password().await?.as_deref(), Some("one"));

    let before = kubernetes.admin()?;
    let (endpoint, old_ca) = described(&own.aws).await?;
    kubernetes.replace_api_server_certificates(&own.aws).await?;
    let (same_endpoint, new_ca) = described(&own.aws).await?;
    assert_eq!(endpoint, same_endpoint);
    assert_ne!(old_ca, new_ca);
    assert_eq!(new_ca, std::fs::read(kubernetes.ca_pem())?);
    assert!(before.apiserver_version().await.is_err(), "a client that trusts the old authority is refused");
    delivery.put("two").await?;
    delivery.ask("second").await?;
    delivery.wait_for("two").await?;
    until("the volume follows again", async || Ok(std::fs::read_to_string(folder.join("password"))? == "two"))
        .await
}

#[tokio::test]
async fn nothing_is_left_of_a_cluster_whose_owner_was_killed() -> Result<()> {
    let folder = crate::support::scratch("kubernetes-killed")?;
    let mut owner = Command::new(env!("CARGO_BIN_EXE_testbed-cluster"))
        .args([&folder, &tools()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = owner.stdout.take().context("no output")?;
    let ready = BufReader::new(output).lines().map_while(Result::ok).any(|line| line == "ready");
    let children = children_of(owner.id());
    owner.kill()?;
    owner.wait()?;
    assert!(ready, "the cluster was not ready");
    for name in ["etcd", "kube-apiserver", "kube-controller", "token-webhook", "external-secret"] {
        assert!(children.values().any(|child| child == name), "{name} is not among {children:?}");
    }
    let names = |id: &u32| name_of(*id).filter(|name| children.get(id) == Some(name));
    until("all processes are gone", async || Ok(children.keys().find_map(names).is_none())).await
}

/// The running children of a process by their ids, with their names in the kernel (15 characters).
fn children_of(owner: u32) -> BTreeMap<u32, String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| parent_of(*id) == Some(owner)).filter_map(|id| Some((id, name_of(id)?))).collect()
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// A zombie has none.
fn name_of(id: u32) -> Option<String> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat")).ok()?;
    let (name, state) = stat.split_once(" (")?.1.rsplit_once(") ")?;
    (!state.starts_with('Z')).then(|| name.to_owned())
}

/// Endpoint and authority as `eks:DescribeCluster` returns them.
async fn described(aws: &aws::Aws) -> Result<(String, Vec<u8>)> {
    let mut command = aws.cli();
    command.args(["eks", "describe-cluster", "--name", CLUSTER, "--output", "json"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let text = |path: &str| answer.pointer(path).and_then(Value::as_str).context("an incomplete description");
    let ca = STANDARD.decode(text("/cluster/certificateAuthority/data")?)?;
    Ok((text("/cluster/endpoint")?.to_owned(), ca))
}
