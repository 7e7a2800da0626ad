//! `up`: starts a local test environment with two secrets, and prints commands to try.

mod guide;

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use testbed::aws::Options;
use testbed::broker::Suite;
use testbed::cloud::{App, Cloud, EventSubject, workspace, write_events};
use testbed::ports::is_free;

use super::report::{Report, say};
use super::{Folder, Started, functions_beside_this_program};

/// Rotated with the AWS CLI.
const BY_CLI: &str = "payment";
/// Rotated step by step with `cargo lambda invoke`. Its new version has the label AWSPENDING.
const BY_HAND: &str = "order";

/// The secrets and versions in the printed commands.
struct Example {
    app: App,
    first_version: String,
    by_hand: App,
    pending: String,
}

/// Starts the environment and waits for the signal that ends this command.
pub async fn run(suite: Suite, port: Option<u16>) -> Result<bool> {
    if let Some(port) = port.filter(|port| !is_free(*port)) {
        bail!(
            "port {port} is in use: end the program that listens there, choose another --port, or omit --port"
        );
    }
    let (folder, _lock) = reserve()?;
    say("Starting a local broker and an AWS emulator ...");
    let options = Options { port, ..Options::default() };
    let started = Started::new("up", suite, functions_beside_this_program()?, false, options).await?;
    let cloud = &started.cloud;
    let example = prepare(cloud).await?;
    let subject = EventSubject {
        secret: &example.by_hand.arn,
        pending: &example.pending,
        leaked_secret: &example.app.arn,
        leaked_version: &example.first_version,
        other_user: &example.app.user,
    };
    let events = folder.path.join("events");
    std::fs::create_dir_all(&events)?;
    write_events(&events, subject)?;
    let environment = folder.path.join("environment");
    std::fs::write(&environment, guide::environment(cloud).await?)?;

    let mut report = Report::default();
    report.section("The parts");
    for (part, what) in started.parts()? {
        report.field(part, &what);
    }
    say(&guide::text());
    std::future::pending().await
}

/// Locks the folder for the files of this command. There is one folder, so only one `up` can run at a time.
fn reserve() -> Result<(Folder, File)> {
    let path: PathBuf = workspace().join(guide::FOLDER);
    std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
    let lock = File::create(path.join("lock"))?;
    if lock.try_lock().is_err() {
        bail!("another `up` is running: use it, or end it with Ctrl-C");
    }
    Ok((Folder { path, keep: false }, lock))
}

async fn prepare(cloud: &Cloud) -> Result<Example> {
    let app = cloud.create_app(BY_CLI).await?;
    // This configures rotation, so that `rotate-secret` needs only the name.
    cloud.rotate_successfully(&app.arn).await?;
    let first_version = cloud.version(&app.arn, "AWSCURRENT").await?.context("no current version")?;
    let by_hand = cloud.create_app(BY_HAND).await?;
    let pending = cloud.begin_rotation(&by_hand.arn).await?;
    Ok(Example { app, first_version, by_hand, pending })
}
