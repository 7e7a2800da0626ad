//! Passwords appear only where they belong, and not in a log, a message, an event, an error, an argument, an environment, the
//! tables or another file: in any form in which a program could write them, or in parts of it (`hostile::canary`).

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail, ensure};
use end_to_end::{name, on_the_cloud, on_the_cluster};
use hostile::canary::Watcher;
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud};

use crate::kubernetes::routed::{LIMIT, RECEIPT};
use crate::kubernetes::triggers::routed_app;

mod memory;
mod places;

/// Files that must contain passwords: the broker's configuration and data, the cluster's store, and the login of a
/// person who follows a playbook.
const BY_NATURE: [&str; 3] = ["broker", "etcd", "administrator"];

/// A file of this length or more is not searched, but an error: no log of a run is so long.
const LONGEST: u64 = 200_000_000;

async fn passwords_of(cloud: &Cloud, app: &App, found: &mut BTreeSet<String>) -> Result<()> {
    for stage in ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"] {
        if let Ok(value) = cloud.value(&app.arn, stage).await {
            found.insert(value["password"].as_str().context("no password")?.to_owned());
        }
    }
    Ok(())
}

#[test]
fn no_password_is_in_any_log_message_error_argument_environment_table_or_file_of_a_run() -> Result<()> {
    on_the_cluster(async |cloud| {
        let mut passwords = BTreeSet::from([cloud.broker.admin_password().to_owned()]);
        let began = places::newest(&std::env::temp_dir());
        let mut said = String::new();
        // Rotations that succeed with both strategies, a revoked one, and one that fails in each step.
        for changes in [json!({}), json!({"rotationStrategy": "single"})] {
            let app = cloud.create_app_with(&name("secret"), &changes).await?;
            for _ in 0..3 {
                passwords_of(cloud, &app, &mut passwords).await?;
                cloud.rotate_successfully(&app.arn).await?;
                passwords_of(cloud, &app, &mut passwords).await?;
                said += &places::arguments_and_environments(cloud);
            }
            let previous = cloud.version(&app.arn, "AWSPREVIOUS").await?.context("no previous version")?;
            let event = json!({"Action": "revokePrevious", "SecretId": app.arn, "VersionId": previous});
            said += &format!("{:?}", cloud.act(&event).await?);
        }
        // A rotation that is delivered to the cluster.
        let user = name("secret-in-cluster");
        let routed = routed_app(cloud, &user).await?;
        let routed = App { user, arn: routed };
        for _ in 0..3 {
            let version = cloud.rotate_successfully(&routed.arn).await?;
            cloud.wait_for_tag(&routed.arn, RECEIPT, &version, LIMIT).await?;
            passwords_of(cloud, &routed, &mut passwords).await?;
            said += &places::arguments_and_environments(cloud);
        }
        for broken in ["masterarn", "vhost", "password"] {
            let wrong =
                json!("arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq-admin/none-AbCdEf");
            let app = cloud.create_app_with(&name("broken"), &json!({broken: wrong})).await?;
            said += &format!("{:?}", cloud.rotate(&app.arn).await?);
            passwords_of(cloud, &app, &mut passwords).await?;
            said += &format!("{:?}", cloud.notices.wait_for(&app.arn, 1).await?);
            said += &format!("{:?}", cloud.alerts.wait_for(&app.arn, 1).await?);
            said += &format!("{:?}", cloud.alerts.wait_for_events(&app.arn, 1).await?);
        }
        said += &places::tables(cloud).await?;
        passwords.retain(|password| !password.starts_with("arn:"));
        ensure!(passwords.len() > 10, "too few passwords to search for");
        let passwords: Vec<&str> = passwords.iter().map(String::as_str).collect();
        let watcher = Watcher::of(&passwords);
        if let Some(found) = watcher.found_in(said.as_bytes()) {
            bail!("{found} is in an answer, a message, an event, a table, an argument or an environment");
        }
        let searched = search(cloud.folder(), &watcher, SystemTime::UNIX_EPOCH)?;
        ensure!(searched > 5, "only {searched} files were searched");
        // Files that a function has left in the folder for temporary files.
        search(&std::env::temp_dir(), &watcher, began)?;
        Ok(())
    })
}

/// Fails on the first file, not older than `since`, that contains a part of a password, and on a core file. Returns the number
/// of files.
fn search(folder: &Path, watcher: &Watcher, since: SystemTime) -> Result<usize> {
    let mut searched = 0;
    for entry in read(std::fs::read_dir(folder), folder)?.into_iter().flatten() {
        let entry = entry.with_context(|| folder.display().to_string())?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let Some(metadata) = read(entry.metadata(), &path)? else { continue };
        if metadata.is_dir() && !BY_NATURE.contains(&name.as_str()) {
            searched += search(&path, watcher, since)?;
        } else if metadata.is_file() && metadata.modified()? >= since {
            ensure!(!places::is_core_file(&name), "a process has left {}", path.display());
            ensure!(metadata.len() < LONGEST, "{} is too long to search", path.display());
            let Some(content) = read(std::fs::read(&path), &path)? else { continue };
            if let Some(found) = watcher.found_in(&content) {
                bail!("{found} is in {}", path.display());
            }
            searched += 1;
        }
    }
    Ok(searched)
}

/// None for what another test has removed meanwhile, and for what belongs to another user: a function cannot write there.
fn read<T>(found: std::io::Result<T>, path: &Path) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

#[test]
fn the_broker_s_own_log_holds_no_password() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("broker-log")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let value: Value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let log = std::fs::read(cloud.broker.log()).context("the broker has no log")?;
        let found = Watcher::of(&[value["password"].as_str().context("no password")?]).found_in(&log);
        ensure!(found.is_none(), "{found:?}");
        Ok(())
    })
}
