//! One cloud for all tests of this process. The first test starts it, and all others share it.
//!
//! Tests run in parallel, so each creates its own broker users and secrets (see [`name`]).

use std::future::Future;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use testbed::cloud::Cloud;
pub use testbed::for_tests::{programs, start_cloud};
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock};

static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(Runtime::new);
static CLOUD: OnceCell<Cloud> = OnceCell::const_new();
static CLUSTER: RwLock<()> = RwLock::const_new(());

/// Runs a test on the shared cloud. Everything ends with the process.
///
/// # Errors
/// When the cloud does not start, or the test fails.
pub fn on_the_cloud<F>(test: impl FnOnce(&'static Cloud) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let runtime = RUNTIME.as_ref().map_err(|error| anyhow::anyhow!("no async runtime: {error}"))?;
    runtime.block_on(async {
        let cloud =
            CLOUD.get_or_try_init(|| start_cloud("end-to-end")).await.context("the testbed did not start")?;
        test(cloud).await
    })
}

/// Like [`on_the_cloud`], for a test that delivers to the cluster. No other test takes parts of the cluster away
/// meanwhile.
///
/// # Errors
/// As [`on_the_cloud`].
pub fn on_the_cluster<F>(test: impl FnOnce(&'static Cloud) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    on_the_cloud(async |cloud| {
        let _shared = CLUSTER.read().await;
        test(cloud).await
    })
}

/// Like [`on_the_cluster`], for a test that takes a part of the cluster away. No other test uses the cluster
/// meanwhile.
///
/// # Errors
/// As [`on_the_cloud`].
pub fn alone_on_the_cluster<F>(test: impl FnOnce(&'static Cloud) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    on_the_cloud(async |cloud| {
        let _alone = CLUSTER.write().await;
        test(cloud).await
    })
}

/// A name with `prefix` that no other test uses.
#[must_use]
pub fn name(prefix: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
