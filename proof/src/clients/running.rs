//! The programs at work.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::cloud::Cloud;
use testbed::process::{Options, Process};

use super::outcome::Ran;
use super::stand::{self, Stand};
use super::{Client, NAMES};
use crate::cookie_store::tally::{Counts, compare};

/// A JVM on a busy machine takes half of this.
const START: Duration = Duration::from_secs(60);
/// Longer than a client's own time limit, after which it reports unfinished orders.
const STOP: Duration = Duration::from_secs(40);
/// The exit code of a JVM after SIGTERM (128 + 15), also if its work is finished.
const TERMINATED_JVM: i32 = 143;

/// The clients as child processes. They are killed when this is dropped.
#[derive(Debug)]
pub(super) struct Running(Vec<Program>);

#[derive(Debug)]
struct Program {
    client: Client,
    process: Process,
    ledger: PathBuf,
}

impl Running {
    /// Starts the programs, and returns when each has finished its first order.
    pub async fn start(
        cloud: &Cloud,
        stand: &Stand,
        programs: &Path,
        orders_per_second: u32,
    ) -> Result<Self> {
        let mut running = Self::launch(cloud, stand, programs, orders_per_second)?;
        for program in &mut running.0 {
            let done = program.ledger.join("done");
            let works = || async { std::fs::metadata(&done).is_ok_and(|file| file.len() > 0) };
            program.process.wait_until(START, works).await?;
        }
        Ok(running)
    }

    /// Starts the programs. Without orders, they only subscribe.
    pub fn launch(cloud: &Cloud, stand: &Stand, programs: &Path, orders_per_second: u32) -> Result<Self> {
        let start = |client: &Client| Program::start(cloud, stand, programs, *client, orders_per_second);
        stand.clients.iter().map(start).collect::<Result<Vec<_>>>().map(Self)
    }

    /// Checks that no program has ended.
    pub fn is_alive(&self) -> Result<()> {
        self.0.iter().try_for_each(|program| {
            let log = program.process.log_tail();
            ensure!(program.is_running(), "{} has ended; its log ends:\n{log}", program.client.name());
            Ok(())
        })
    }

    /// Asks the programs to finish, and compares their ledgers.
    pub async fn stop(self) -> Result<Vec<Ran>> {
        futures_util::future::try_join_all(self.0.into_iter().map(Program::stop)).await
    }
}

impl Program {
    fn start(
        cloud: &Cloud,
        stand: &Stand,
        programs: &Path,
        client: Client,
        orders_per_second: u32,
    ) -> Result<Self> {
        let mounted = stand.mounted_apps.iter().find(|mounted| mounted.service == client.name());
        let mounted = mounted.context("a client without a volume")?;
        let ledger = stand::ledger(&stand.folder, client);
        let mut command = client.command(programs)?;
        command.arg("--host=localhost").arg(format!("--port={}", cloud.broker.amqps_port()));
        command.arg(format!("--vhost={NAMES}")).arg(format!("--ca={}", cloud.broker.ca_pem().display()));
        command.arg(format!("--queue={}", client.name())).arg(format!("--ledger={}", ledger.display()));
        command.arg(format!("--orders-per-second={orders_per_second}"));
        if client == Client::SpringReload {
            command.args(["--spring.profiles.active=reload", "--spring.main.cloud-platform=kubernetes"]);
            command.arg(format!("--spring.cloud.kubernetes.client.namespace={NAMES}"));
            command.arg(format!("--secret={}", stand::secret(client)));
            command.env("KUBECONFIG", stand.kubeconfig());
        } else {
            command.arg(format!("--credentials={}", mounted.folder.display()));
        }
        let log = stand.folder.join(client.name()).join("log");
        let options = Options { clean_environment: true, ..Options::default() };
        let process = Process::start_with(client.name(), &command, &log, options)?;
        Ok(Self { client, process, ledger })
    }

    fn is_running(&self) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        // The state follows the last `)`. A zombie has ended.
        state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }

    async fn stop(mut self) -> Result<Ran> {
        let status = self.process.terminate(STOP).await?;
        let has_stopped =
            status.success() || self.client.runs_on_a_jvm() && status.code() == Some(TERMINATED_JVM);
        let name = self.client.name();
        ensure!(has_stopped, "{name} ended with {status}; its log ends:\n{}", self.process.log_tail());
        let log = std::fs::read_to_string(self.process.log())?;
        let report = log.lines().rev().find_map(|line| serde_json::from_str::<Counts>(line).ok());
        let counts = report.with_context(|| {
            format!("{name} reported nothing; its log ends:\n{}", self.process.log_tail())
        })?;
        let read = |file: &str| std::fs::read_to_string(self.ledger.join(file)).context(name);
        Ok(Ran { client: self.client, tally: compare(&read("taken")?, &[read("done")?]), counts })
    }
}
