//! Signals for a child.

use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{POLL, Process};

impl Process {
    /// Sends SIGTERM, as Kubernetes does to end a pod, and waits for the end. Kills the process after `limit`.
    ///
    /// # Errors
    /// When it did not end by itself. The message contains the end of its log.
    pub async fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        let asked = Instant::now();
        self.signal("TERM")?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if asked.elapsed() > limit {
                self.kill();
                bail!("{} did not stop within {limit:?}; its log ends:\n{}", self.name, self.log_tail());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Stops the process at any point of its work. After that, only [`Process::kill`] has an effect.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn freeze(&self) -> Result<()> {
        self.signal("STOP")
    }

    fn signal(&self, name: &str) -> Result<()> {
        let id = self.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &id]).status();
        let sent = sent.with_context(|| format!("SIG{name} was not sent to {}", self.name))?;
        if !sent.success() {
            bail!("SIG{name} was not sent to {}: {sent}", self.name);
        }
        Ok(())
    }
}
