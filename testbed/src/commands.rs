//! What the program can do, a file each, and how they all start a cloud and show what they started.

pub mod arguments;
pub mod bench;
pub mod demo;
pub mod install;
pub mod report;
pub mod step_times;
pub mod up;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use testbed::aws::Options;
use testbed::broker::Suite;
use testbed::cloud::{Cloud, Parts, workspace};
use testbed::scratch;

use self::report::{complain, duration};

const PYTHON_PACKAGES: &str = include_str!("../aws/requirements.txt");

/// A cloud of one command, with everything it writes in a folder of its own; both go when dropped.
pub struct Started {
    pub cloud: Cloud,
    suite: Suite,
    function: PathBuf,
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
    /// Installs what is missing, starts broker and AWS and deploys `function` (a program of rotation-mq).
    pub async fn new(name: &str, suite: Suite, function: PathBuf, options: Options) -> Result<Self> {
        let program = function.clone();
        let parts = tokio::task::spawn_blocking(move || Parts::install(suite, program, &complain)).await??;
        let path = scratch::folder(&workspace().join("target/testbed/runs"), name)?;
        let mut folder = Folder { path, keep: false };
        let began = Instant::now();
        let started = Cloud::start(&parts, &folder.path, options, &[]).await;
        folder.keep = started.is_err();
        Ok(Self { cloud: started?, suite, function, began, folder })
    }

    /// What was started, a line each.
    pub fn parts(&self) -> Result<Vec<(&'static str, String)>> {
        let (broker, aws) = (&self.cloud.broker, &self.cloud.aws);
        let size = std::fs::metadata(&self.function)?.len();
        let emulator = PYTHON_PACKAGES.lines().find_map(|line| line.strip_prefix("ministack=="));
        let emulator = emulator.and_then(|rest| rest.split_whitespace().next()).unwrap_or("?");
        Ok(vec![
            ("broker", format!("RabbitMQ {} of Debian {}", broker.version(), self.suite)),
            ("", format!("AMQPS localhost:{}, management {}", broker.amqps_port(), broker.management_url())),
            ("AWS", format!("MiniStack {emulator}, IAM enforced, {} {}", aws.endpoint(), aws.region())),
            ("stack", "infra/template.yaml, deployed as CloudFormation does it".to_owned()),
            ("function", format!("{} ({} MB)", relative(&self.function).display(), size / 1_000_000)),
            ("files", relative(self.cloud.folder()).display().to_string()),
            ("started in", duration(self.began.elapsed())),
        ])
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

/// The program of rotation-mq as it was built beside this program.
pub fn function_beside_this_program() -> Result<PathBuf> {
    Ok(std::env::current_exe().context("where is this program?")?.with_file_name("rotation-mq"))
}

/// A path as one would type it in the repository's root.
pub fn relative(path: &Path) -> &Path {
    path.strip_prefix(workspace()).unwrap_or(path)
}
