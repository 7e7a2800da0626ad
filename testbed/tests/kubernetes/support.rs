//! One emulator and one cluster for all tests.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use testbed::aws::{Aws, Options};
use testbed::kubernetes::Kubernetes;
use tokio::sync::OnceCell;

pub struct Shared {
    pub aws: Aws,
    pub kubernetes: Kubernetes,
    pub folder: PathBuf,
}

/// Started by the first test that needs it; it ends with the process.
pub async fn shared() -> Result<&'static Shared> {
    static SHARED: OnceCell<Result<Shared, String>> = OnceCell::const_new();
    // A cluster that did not start is not started again for each test.
    let shared = SHARED.get_or_init(async || start().await.map_err(|error| format!("{error:#}"))).await;
    shared.as_ref().map_err(|error| anyhow!("{error}"))
}

async fn start() -> Result<Shared> {
    let folder = scratch("kubernetes")?;
    let aws = Aws::start(&Aws::install(&tools(), &|_| {})?, &folder.join("aws"), Options::default()).await?;
    let kubernetes = Kubernetes::start(&Kubernetes::find(&tools())?, &folder.join("cluster"), &aws).await?;
    Ok(Shared { aws, kubernetes, folder })
}

pub fn tools() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("testbed")
}

pub fn scratch(name: &str) -> Result<PathBuf> {
    testbed::scratch::folder(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
}
