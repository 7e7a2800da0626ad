//! The commands, each in its own file, and the start of a local test environment that they share.

pub mod application;
pub mod arguments;
pub mod bench;
pub mod clients;
pub mod demo;
pub mod install;
pub mod prove;
pub mod report;
pub mod step_times;
pub mod up;
pub mod zero_loss;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use testbed::aws::{Options, emulator_version};
use testbed::broker::Suite;
use testbed::cloud::{Cloud, Functions, Parts, workspace};
use testbed::scratch;

use self::report::{complain, duration};

/// The environment of one command, and the folder that it writes to. Dropping this stops the environment and removes
/// the folder.
pub struct Started {
    pub cloud: Cloud,
    suite: Suite,
    began: Instant,
    // Dropped after the cloud, which writes into the folder.
    folder: Folder,
}

/// A folder that is removed when dropped, because it holds passwords. After a failure it is kept for its logs.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Started {
    /// Installs what is missing, starts all parts and deploys the functions.
    pub async fn new(
        name: &str,
        suite: Suite,
        functions: Functions,
        with_kubernetes: bool,
        options: Options,
    ) -> Result<Self> {
        let parts = move || Parts::install(suite, functions, with_kubernetes, &complain);
        let parts = tokio::task::spawn_blocking(parts).await??;
        let path = scratch::folder(&workspace().join("target/testbed/runs"), name)?;
        let mut folder = Folder { path, keep: false };
        let began = Instant::now();
        let started = Cloud::start(&parts, &folder.path, options, &[]).await;
        folder.keep = started.is_err();
        Ok(Self { cloud: started?, suite, began, folder })
    }

    /// The started parts, one line each.
    pub fn parts(&self) -> Result<Vec<(&'static str, String)>> {
        let (broker, aws) = (&self.cloud.broker, &self.cloud.aws);
        let emulator = emulator_version().unwrap_or("?");
        let mut parts = vec![
            ("broker", format!("RabbitMQ {} of Debian {}", broker.version(), self.suite)),
            ("", format!("AMQPS localhost:{}, management {}", broker.amqps_port(), broker.management_url())),
            ("AWS", format!("MiniStack {emulator}, IAM enforced, {} {}", aws.endpoint(), aws.region())),
        ];
        if let Ok(kubernetes) = self.cloud.kubernetes() {
            let what =
                format!("API server and External Secrets Operator, RBAC on, {}", kubernetes.endpoint());
            parts.push(("Kubernetes", what));
        }
        parts.push(("stack", "infra/template.yaml, deployed as CloudFormation deploys it".to_owned()));
        for (name, program) in self.cloud.functions().programs() {
            let size = std::fs::metadata(program)?.len() / 1_000_000;
            parts.push((name, format!("{} ({size} MB)", relative(program).display())));
        }
        parts.push(("files", relative(self.cloud.folder()).display().to_string()));
        parts.push(("started in", duration(self.began.elapsed())));
        Ok(parts)
    }

    /// Stops everything. After a failure, keeps the files and prints their folder.
    pub fn end(mut self, failed: bool) {
        self.folder.keep = failed;
        if failed {
            complain(&format!("\nlogs and the broker's data: {}", relative(&self.folder.path).display()));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // The next run removes what cannot be removed now.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// The functions in the folder of this program.
pub fn functions_beside_this_program() -> Result<Functions> {
    Functions::built_in(&folder_of_this_program()?)
}

/// The cookie store in the folder of this program.
pub fn store_beside_this_program() -> Result<PathBuf> {
    Ok(folder_of_this_program()?.join("cookie-store"))
}

/// The command line of SecOps in the folder of this program.
pub fn secops_beside_this_program() -> Result<PathBuf> {
    Ok(folder_of_this_program()?.join("secops"))
}

/// The folder of this program, which also contains the Rust examples.
pub fn folder_of_this_program() -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot find the path of this program")?;
    Ok(program.parent().context("this program has no folder")?.to_owned())
}

/// The path relative to the repository's root.
pub fn relative(path: &Path) -> &Path {
    path.strip_prefix(workspace()).unwrap_or(path)
}
