//! moto's server, an emulator by other people, as a second judge of Secrets Manager's rows. It runs no functions here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws::{Python, Requirements};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use sandbox::process::{self, Process, free_ports};
use tokio::net::TcpStream;

use crate::manifest::Manifest;
use crate::run::Run;
use crate::target::{Judge, Target};

const REQUIREMENTS: Requirements =
    Requirements { name: "moto", what: "moto's server", pinned: include_str!("../requirements.txt") };
/// moto's own default.
const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
const READY_LIMIT: Duration = Duration::from_secs(30);

/// The running server. It ends when dropped.
#[derive(Debug)]
pub struct Moto {
    _process: Process,
    endpoint: String,
}

/// The version that is pinned.
#[must_use]
pub fn version() -> Option<&'static str> {
    REQUIREMENTS.version_of("moto")
}

/// Installs moto into an environment of its own below `tools`.
///
/// # Errors
/// When it cannot be installed.
pub fn install(tools: &Path) -> Result<Python> {
    aws::install_requirements(tools, &REQUIREMENTS, &|_| ())
}

/// Starts the server.
///
/// # Errors
/// When it does not answer in time.
pub async fn start(python: &Python, folder: &Path) -> Result<Moto> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let port = free_ports(1)?.into_iter().next().context("no free port")?;
    let mut command = Command::new(python.program("python"));
    command.args(["-m", "moto.server", "--host", "127.0.0.1", "--port", &port.to_string()]);
    command.env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("HOME", folder);
    // What is asked of it must not leave this machine.
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("PYTHONDONTWRITEBYTECODE", "1");
    let log: PathBuf = folder.join("moto.log");
    let options = process::Options { clean_environment: true, ..process::Options::default() };
    let mut process = Process::start_with("moto's server", &command, &log, options)?;
    let is_ready = || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
    process.wait_until(READY_LIMIT, is_ready).await?;
    Ok(Moto { _process: process, endpoint: format!("http://127.0.0.1:{port}") })
}

impl Moto {
    /// The judge.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub async fn target(&self, run: Run, manifest: Manifest) -> Result<Target> {
        Target::new(Judge::Moto, run, ACCOUNT, self.config().await, manifest)
    }

    async fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "moto");
        let config = aws_config::defaults(BehaviorVersion::latest()).region(Region::new(REGION));
        config.endpoint_url(&self.endpoint).credentials_provider(credentials).load().await
    }
}
