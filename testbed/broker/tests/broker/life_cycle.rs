//! Starting, restarting and ending nodes.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use broker::{Broker, Suite};
use sandbox::certificates::Certificates;
use sandbox::ports;

use super::{broker, connected, installation, scratch, tools, until};

#[tokio::test]
async fn each_suite_has_the_version_that_is_said_of_it() -> Result<()> {
    let promised = match Suite::from_environment()? {
        Suite::Bookworm => "3.10.",
        Suite::Trixie => "4.0.",
        Suite::Forky => "4.3.",
    };
    let version = broker().await?.version();
    ensure!(
        version.starts_with(promised) || std::env::var_os("RABBITMQ_ROOT").is_some(),
        "RabbitMQ {version}"
    );
    Ok(())
}

#[tokio::test]
async fn a_restart_keeps_users_and_ports_and_a_drop_leaves_nothing() -> Result<()> {
    let folder = scratch("restart")?;
    let certificates = Certificates::create(&folder.join("tls"))?;
    let mut broker = Broker::start(&installation()?, &folder, &certificates).await?;
    connected(&broker, "kept", "a-password-123").await?;
    let (url, port) = (broker.management_url(), broker.amqps_port());
    broker.restart().await?;
    assert_eq!((broker.management_url(), broker.amqps_port()), (url, port));
    assert!(broker.can_log_in("kept", "a-password-123").await?);
    broker.stop().await?;
    assert!(broker.amqps_login("kept", "a-password-123", "/").await.is_err());
    broker.restart().await?;
    let space = namespace_of_the_children(broker.process_id())?;
    assert!(!processes_in(&space).is_empty());
    drop(broker);
    assert_eq!(processes_in(&space), BTreeSet::new());
    assert!(ports::is_free(port));
    Ok(())
}

#[tokio::test]
async fn the_folder_of_an_earlier_node_is_refused() -> Result<()> {
    let broker = broker().await?;
    let again = Broker::start(&installation()?, broker.folder(), broker.certificates()).await;
    let message = again.map(drop).map_err(|error| error.to_string()).err().unwrap_or_default();
    assert!(message.contains("holds a node already"), "{message}");
    assert!(broker.can_log_in(broker.admin_user(), broker.admin_password()).await?, "nothing was touched");
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_of_a_broker_whose_owner_was_killed() -> Result<()> {
    let folder = scratch("killed")?;
    installation()?;
    let mut owner = Command::new(env!("CARGO_BIN_EXE_testbed-broker"))
        .args([&folder, &tools()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = owner.stdout.take().context("no output")?;
    let ready = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("ready ")?.parse().ok());
    let space = namespace_of_the_children(ready.context("the node was not ready")?)?;
    let names: BTreeSet<String> = processes_in(&space);
    assert!(names.contains("beam.smp") && names.contains("epmd"), "{names:?}");
    owner.kill()?;
    owner.wait()?;
    until("the node's processes are gone", async || Ok(processes_in(&space).is_empty())).await
}

/// The process id namespace of a process's children.
fn namespace_of_the_children(id: u32) -> Result<PathBuf> {
    let child = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    let space = std::fs::read_link(format!("/proc/{}/ns/pid", child.trim()))?;
    ensure!(space != std::fs::read_link("/proc/self/ns/pid")?, "the node does not have its own namespace");
    Ok(space)
}

/// Names of the running processes in a namespace, without zombies.
fn processes_in(space: &Path) -> BTreeSet<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let name = |process: PathBuf| {
        let inside = std::fs::read_link(process.join("ns/pid")).is_ok_and(|link| link == space);
        let stat = std::fs::read_to_string(process.join("stat")).ok()?;
        let (name, state) = stat.split_once(" (")?.1.rsplit_once(") ")?;
        (inside && !state.starts_with('Z')).then(|| name.to_owned())
    };
    processes.filter_map(|entry| name(entry.path())).collect()
}
