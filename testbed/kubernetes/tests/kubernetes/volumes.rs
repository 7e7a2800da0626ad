//! A Secret as the files of a volume.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use kubernetes::ProjectedVolume;
use serde_json::json;

use crate::support::{Delivery, shared, until};

const VERSIONS: usize = 20;

#[tokio::test]
async fn a_volume_goes_from_one_version_to_the_next_in_one_step() -> Result<()> {
    let delivery = Delivery::new(shared().await?, "mounted", "0").await?;
    let folder = delivery.shared.folder.join("volume");
    let volume = ProjectedVolume::project(&delivery.shared.kubernetes, "mounted", "broker", &folder).await?;
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (folder, done) = (folder.clone(), Arc::clone(&done));
        std::thread::spawn(move || read_until(&folder, &done))
    };
    for number in 1..=VERSIONS {
        delivery.put(&number.to_string()).await?;
        delivery.ask(&number.to_string()).await?;
        until("the new version is in the volume", async || {
            Ok(fs::read_to_string(folder.join("password"))
                .is_ok_and(|password| password == number.to_string()))
        })
        .await?;
    }
    done.store(true, Ordering::Relaxed);
    let seen = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    assert!(seen > VERSIONS, "read {seen} times");
    until("all versions are counted", async || Ok(volume.versions() > VERSIONS)).await
}

/// Reads both keys of one version again and again. Returns how often.
fn read_until(folder: &Path, done: &AtomicBool) -> Result<usize> {
    let mut seen = 0;
    while !done.load(Ordering::Relaxed) {
        let version = folder.join(fs::read_link(folder.join("..data")).context("..data is always there")?);
        // The version was removed while it was read.
        let (Ok(user), Ok(password)) =
            (fs::read_to_string(version.join("username")), fs::read_to_string(version.join("password")))
        else {
            continue;
        };
        ensure!(user == format!("user-of-{password}"), "{user} has the password {password}");
        seen += 1;
    }
    Ok(seen)
}

#[tokio::test]
async fn a_volume_has_the_files_and_links_of_a_kubelet() -> Result<()> {
    let kubernetes = &shared().await?.kubernetes;
    kubernetes.create_namespace("laid-out", &[]).await?;
    let secret = |data: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "laid-out", "name": "pair"}, "stringData": data})
            .to_string()
    };
    kubernetes.apply_manifests(&secret(json!({"username": "payment", "old": "x"}))).await?;
    let folder = shared().await?.folder.join("laid-out");
    let volume = ProjectedVolume::project(kubernetes, "laid-out", "pair", &folder).await?;
    assert_eq!(fs::read_link(folder.join("username"))?, Path::new("..data/username"));
    assert_eq!(fs::read_to_string(folder.join("username"))?, "payment");
    let first = fs::read_link(folder.join("..data"))?;
    assert!(first.to_string_lossy().starts_with("..2"), "{}", first.display());

    let replaced = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "laid-out", "name": "pair"},
        "stringData": {"username": "payment_clone", "new": "y"}, "data": {"old": null}});
    kubernetes.apply_manifests(&replaced.to_string()).await?;
    until("the new key is there", async || Ok(folder.join("new").exists())).await?;
    assert_eq!(fs::read_to_string(folder.join("username"))?, "payment_clone");
    until("the first version is gone", async || Ok(!folder.join(&first).exists())).await?;
    drop(volume);
    assert_eq!(fs::read_to_string(folder.join("username"))?, "payment_clone", "the files stay");
    Ok(())
}
