//! A thread with its own runtime.

use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

/// Work on a background thread, independent of the test's runtime. It ends when dropped.
#[derive(Debug)]
pub struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Runs `work`, and what it spawns, until dropped.
    ///
    /// # Errors
    /// When the runtime or the thread cannot be created.
    pub fn run<W, F>(name: &str, work: W) -> Result<Self>
    where
        W: FnOnce() -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let body = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = work() => {}
                    _ = stopped => {}
                }
            });
            // Spawned tasks are dropped. A hook that still runs is not awaited.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body).context("no thread")?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread is already printed.
            let _ = thread.join();
        }
    }
}
