//! The behaviour of a real RabbitMQ on which the product relies, and the guarantees of the testbed for a node.
//! `TESTBED_BROKER` selects the suite. Every test must pass on each suite.

mod credentials;
mod grants;
mod life_cycle;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use broker::{Broker, Installation, Suite};

/// `target/testbed`, where runs share the extracted files.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("testbed")
}

fn scratch(name: &str) -> Result<PathBuf> {
    sandbox::scratch::folder(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
}

fn installation() -> Result<Installation> {
    Broker::install(Suite::from_environment()?, &tools(), &|_| {})
}

async fn broker() -> Result<&'static Broker> {
    Broker::shared(Path::new(env!("CARGO_TARGET_TMPDIR"))).await
}

/// A user with all permissions on vhost `/`, connected to it.
async fn connected(broker: &Broker, user: &str, password: &str) -> Result<lapin::Connection> {
    let management = broker.management()?;
    management.create_user(user, password, &[]).await?;
    management.set_permissions(user, "/", [".*"; 3]).await?;
    broker.amqps_login(user, password, "/").await
}

/// Waits for a condition, at most 40 s: RabbitMQ may list a connection for 30 s after its end.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !condition().await.with_context(|| what.to_owned())? {
        ensure!(started.elapsed() < Duration::from_secs(40), "not within 40 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
