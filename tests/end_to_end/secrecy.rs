//! Passwords appear only where they belong, and not in a log, a notice, an error, a process argument or another file.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use end_to_end::{name, on_the_cloud, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud};

use crate::kubernetes::routed::{LIMIT, RECEIPT};
use crate::kubernetes::triggers::routed_app;

/// Files that must contain passwords: the broker's configuration and data, the cluster's store, and the login of a
/// person who follows a playbook.
const BY_NATURE: [&str; 3] = ["broker", "etcd", "administrator"];

async fn passwords_of(cloud: &Cloud, app: &App, found: &mut BTreeSet<String>) -> Result<()> {
    for stage in ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"] {
        if let Ok(value) = cloud.value(&app.arn, stage).await {
            let (user, password) = (value["username"].as_str(), value["password"].as_str());
            let password = password.context("no password")?;
            found.insert(password.to_owned());
            found.insert(basic(user.context("no user")?, password));
        }
    }
    Ok(())
}

/// A password in the form of an `Authorization` header, which a careless log would contain.
fn basic(user: &str, password: &str) -> String {
    STANDARD_NO_PAD.encode(format!("{user}:{password}"))
}

#[test]
fn no_password_is_in_any_log_notice_error_argument_or_file_of_a_run() -> Result<()> {
    on_the_cluster(async |cloud| {
        let admin = (cloud.broker.admin_user(), cloud.broker.admin_password());
        let mut passwords = BTreeSet::from([admin.1.to_owned(), basic(admin.0, admin.1)]);
        let mut said = String::new();
        // Rotations that succeed with both strategies, a revoked one, and one that fails in each step.
        for changes in [json!({}), json!({"rotationStrategy": "single"})] {
            let app = cloud.create_app_with(&name("secret"), &changes).await?;
            for _ in 0..3 {
                passwords_of(cloud, &app, &mut passwords).await?;
                cloud.rotate_successfully(&app.arn).await?;
                passwords_of(cloud, &app, &mut passwords).await?;
                said += &arguments_of_all_processes();
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
            said += &arguments_of_all_processes();
        }
        for broken in ["masterarn", "vhost", "password"] {
            let wrong =
                json!("arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq-admin/none-AbCdEf");
            let app = cloud.create_app_with(&name("broken"), &json!({broken: wrong})).await?;
            said += &format!("{:?}", cloud.rotate(&app.arn).await?);
            passwords_of(cloud, &app, &mut passwords).await?;
            said += &format!("{:?}", cloud.notices.wait_for(&app.arn, 1).await?);
        }
        passwords.retain(|password| !password.starts_with("arn:"));
        ensure!(passwords.len() > 20, "too few passwords to search for");
        for password in &passwords {
            ensure!(!said.contains(password.as_str()), "a password is in an answer, a notice or an argument");
        }
        let searched = search(cloud.folder(), &passwords)?;
        ensure!(searched > 5, "only {searched} files were searched");
        Ok(())
    })
}

/// Fails on the first file that contains one of the passwords. Returns the number of files.
fn search(folder: &Path, passwords: &BTreeSet<String>) -> Result<usize> {
    let mut searched = 0;
    for entry in std::fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() && !BY_NATURE.contains(&entry.file_name().to_string_lossy().as_ref()) {
            searched += search(&path, passwords)?;
        } else if kind.is_file() && entry.metadata()?.len() < 20_000_000 {
            let content = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            ensure!(
                !passwords.iter().any(|password| content.contains(password.as_str())),
                "a password is in {}",
                path.display()
            );
            searched += 1;
        }
    }
    Ok(searched)
}

fn arguments_of_all_processes() -> String {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    arguments.map(|arguments| String::from_utf8_lossy(&arguments).into_owned()).collect()
}

#[test]
fn the_broker_s_own_log_holds_no_password() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("broker-log")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let value: Value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let log = std::fs::read_to_string(cloud.broker.log()).unwrap_or_default();
        ensure!(!log.contains(value["password"].as_str().context("no password")?));
        Ok(())
    })
}
