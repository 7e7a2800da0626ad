//! Copies of passwords in the memory of the functions after a rotation.
//!
//! The suite's own types are wiped (`contract/tests/wiped.rs`). Libraries keep copies that nobody can wipe from outside: the
//! buffers of HTTP and TLS, and the user information of an AMQP connection. So the copies of functions that read passwords
//! are counted and printed. A function that needs no password must have none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cluster};
use hostile::canary::forms;
use hostile::memory::{Masked, copies};
use serde_json::json;
use testbed::cloud::{Cloud, processes_of};

use crate::inspect::inspect;
use crate::kubernetes::routed::{LIMIT, RECEIPT};
use crate::kubernetes::triggers::routed_app;
use crate::watch::watch;

/// Functions whose roles may not read a value.
const READ_NO_VALUE: [&str; 3] = ["secret2eks", "dlq-handler", "rotation-watch"];
const READ_VALUES: [&str; 2] = ["rotation-mq", "inspect"];

fn processes(cloud: &Cloud, function: &str) -> Vec<PathBuf> {
    processes_of(cloud.aws.endpoint(), &format!("rotation-{function}"))
}

#[test]
fn functions_that_need_no_password_have_none_in_memory_and_the_copies_of_the_others_are_counted() -> Result<()>
{
    on_the_cluster(async |cloud| {
        let arn = routed_app(cloud, &name("memory")).await?;
        let mut passwords = Vec::new();
        for _ in 0..2 {
            let version = cloud.rotate_successfully(&arn).await?;
            cloud.wait_for_tag(&arn, RECEIPT, &version, LIMIT).await?;
            let value = cloud.value(&arn, "AWSCURRENT").await?;
            passwords.push(value["password"].as_str().context("no password")?.to_owned());
        }
        run_the_others(cloud, &arn).await?;
        for function in READ_VALUES.into_iter().chain(READ_NO_VALUE) {
            let processes = processes(cloud, function);
            ensure!(!processes.is_empty(), "{function} has no process, so no memory was searched");
            for process in processes {
                let counts = count(&process, &passwords)
                    .with_context(|| format!("the memory of {function} cannot be read"))?;
                let total: usize = counts.values().sum();
                println!("{function} {}: {total} copies after two rotations {counts:?}", process.display());
                let reads = READ_VALUES.contains(&function);
                ensure!(reads || total == 0, "{function} has passwords in memory, and may read none");
            }
        }
        Ok(())
    })
}

/// Runs the functions that have no part in a rotation that succeeds: inspect, rotation-watch, and dlq-handler.
async fn run_the_others(cloud: &Cloud, arn: &str) -> Result<()> {
    inspect(cloud, arn).await?;
    watch(cloud).await?;
    let broken = cloud.create_app_with(&name("memory-broken"), &json!({"vhost": "no-such-vhost"})).await?;
    cloud.rotate(&broken.arn).await?;
    cloud.alerts.wait_for(&broken.arn, 1).await.map(drop)
}

/// The number of copies in each form.
fn count(process: &std::path::Path, passwords: &[String]) -> Result<BTreeMap<&'static str, usize>> {
    let forms: Vec<(&str, Vec<u8>)> = passwords.iter().flat_map(|password| forms(password)).collect();
    // A password of letters, digits, `-` and `_` is the same in most forms.
    let mut wanted: Vec<(&str, Masked)> = Vec::new();
    for (name, form) in forms {
        let masked = Masked::of(&form);
        if wanted.iter().all(|(_, known)| *known != masked) {
            wanted.push((name, masked));
        }
    }
    let needles: Vec<Masked> = wanted.iter().map(|(_, masked)| masked.clone()).collect();
    let mut counts = BTreeMap::new();
    for ((name, _), count) in wanted.iter().zip(copies(process, &needles)?) {
        *counts.entry(*name).or_default() += count;
    }
    Ok(counts)
}
