//! What the program can do, a file each, and how they all start a cloud and show what they started.

pub mod arguments;
pub mod bench;
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

/// A cloud of one command, with everything it writes in a folder of its own; both go when dropped.
pub struct Started {
    pub cloud: Cloud,
    suite: Suite,
    began: Instant,
    // After the cloud, which writes into it.
    folder: Folder,
}

/// Removed when dropped, for it holds passwords; unless it is needed to see why something failed.
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

    /// What was started, a line each.
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
        parts.push(("stack", "infra/template.yaml, deployed as CloudFormation does it".to_owned()));
        for (name, program) in self.cloud.functions().programs() {
            let size = std::fs::metadata(program)?.len() / 1_000_000;
            parts.push((name, format!("{} ({size} MB)", relative(program).display())));
        }
        parts.push(("files", relative(self.cloud.folder()).display().to_string()));
        parts.push(("started in", duration(self.began.elapsed())));
        Ok(parts)
    }

    /// Stops everything. The files stay when something failed, and the user is told where.
    pub fn end(mut self, failed: bool) {
        self.folder.keep = failed;
        if failed {
            complain(&format!("\nlogs, and the broker's data: {}", relative(&self.folder.path).display()));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed now is removed by the next run.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// The functions as they were built beside this program.
pub fn functions_beside_this_program() -> Result<Functions> {
    Functions::built_in(&folder_of_this_program()?)
}

/// The cookie store as it was built beside this program.
pub fn store_beside_this_program() -> Result<PathBuf> {
    Ok(folder_of_this_program()?.join("cookie-store"))
}

fn folder_of_this_program() -> Result<PathBuf> {
    let program = std::env::current_exe().context("where is this program?")?;
    Ok(program.parent().context("this program has no folder")?.to_owned())
}

/// A path as one would type it in the repository's root.
pub fn relative(path: &Path) -> &Path {
    path.strip_prefix(workspace()).unwrap_or(path)
}
