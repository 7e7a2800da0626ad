//! The three services at work.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use testbed::cloud::Cloud;
use testbed::process::{Options, Process};

use super::tally::{Counts, Tally, compare};
use super::{MountedApp, Store};

/// Longer than the time until some orders have arrived.
const HANGING: Duration = Duration::from_secs(1);
const START: Duration = Duration::from_secs(60);
/// Longer than a service's own time limit, at which it reports an error.
const STOP: Duration = Duration::from_secs(30);
const CATCH_UP: Duration = Duration::from_secs(60);
/// After this time without an order, missing orders do not arrive any more.
const STUCK: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(50);
/// The time for the services to start and for an order to pass through all of them.
const LAG: Duration = Duration::from_secs(2);

/// When the services switch to new credentials: their flag `--pattern`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// As soon as the volume contains them.
    Watch,
    /// When a connection is lost.
    Lazy,
}

/// The store while it is open. Its services are killed when this is dropped.
#[derive(Debug)]
pub struct Trading<'a> {
    store: &'a Store,
    services: Vec<Service>,
    began: Instant,
    orders_before: usize,
    pattern: Pattern,
    orders_per_second: u32,
}

/// The work of a store from its opening to its closing.
#[derive(Debug, Clone, Copy)]
pub struct Traded {
    /// All orders since the store was set up, so that a late copy of an earlier order is found.
    pub tally: Tally,
    /// The counts of the services.
    pub counts: Counts,
    /// How long payment accepted orders.
    pub time: Duration,
}

#[derive(Debug)]
struct Service {
    name: &'static str,
    process: Process,
    ledger: PathBuf,
}

impl Pattern {
    /// The value of the flag.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Lazy => "lazy",
        }
    }
}

impl Store {
    /// Starts the services, and returns when the first orders are complete.
    ///
    /// # Errors
    /// When a service does not start. The message contains the end of its log.
    pub async fn open(&self, cloud: &Cloud, pattern: Pattern, orders_per_second: u32) -> Result<Trading<'_>> {
        let began = Instant::now();
        let orders_before = lines(&self.ledger("payment"))?;
        let mut services = Vec::new();
        for mounted in self.mounted_apps() {
            services.push(self.start(cloud, mounted, pattern, orders_per_second)?);
        }
        let mut trading = Trading { store: self, services, began, orders_before, pattern, orders_per_second };
        for service in &mut trading.services {
            let ledger = service.ledger.clone();
            let arrives = || async { lines(&ledger).is_ok_and(|lines| lines > orders_before) };
            service.process.wait_until(START, arrives).await?;
        }
        Ok(trading)
    }

    fn start(
        &self,
        cloud: &Cloud,
        mounted: &MountedApp,
        pattern: Pattern,
        orders_per_second: u32,
    ) -> Result<Service> {
        let name = mounted.service;
        let ledger = self.ledger(name);
        let mut command = Command::new(&self.program);
        command.arg(name).args(["--host", "localhost", "--port", &cloud.broker.amqps_port().to_string()]);
        command.args(["--vhost", &self.vhost]).arg("--ca").arg(cloud.broker.ca_pem());
        command.arg("--credentials").arg(&mounted.folder).arg("--ledger").arg(&ledger);
        command.args(["--pattern", pattern.name(), "--orders-per-second", &orders_per_second.to_string()]);
        let log = self.folder.join(name).join("log");
        let options = Options { clean_environment: true, ..Options::default() };
        Ok(Service { name, process: Process::start_with(name, &command, &log, options)?, ledger })
    }

    fn ledger(&self, service: &str) -> PathBuf {
        self.folder.join(service).join("ledger")
    }
}

impl Trading<'_> {
    /// The number of orders that each service has processed since the store was set up.
    ///
    /// # Errors
    /// When a ledger cannot be read.
    pub fn orders(&self) -> Result<Vec<(&'static str, usize)>> {
        self.services.iter().map(|service| Ok((service.name, lines(&service.ledger)?))).collect()
    }

    /// Kills the consumers during their work, like the failure of a node, and starts them again. Before that, they hang
    /// for a moment in which the broker sends them messages that they never process.
    ///
    /// # Errors
    /// When a consumer does not start.
    pub async fn crash_consumers(&mut self, cloud: &Cloud) -> Result<()> {
        let consumers = || self.services.iter().filter(|service| service.name != "payment");
        consumers().try_for_each(|service| service.process.freeze())?;
        tokio::time::sleep(HANGING).await;
        for (service, mounted) in self.services.iter_mut().zip(self.store.mounted_apps()) {
            if service.name != "payment" {
                service.process.kill();
                *service = self.store.start(cloud, mounted, self.pattern, self.orders_per_second)?;
            }
        }
        Ok(())
    }

    /// Waits until all services have processed all orders except those of the last seconds, or for a minute. Orders that
    /// are missing after a minute are slow or lost. The tally shows which.
    ///
    /// # Errors
    /// When a ledger cannot be read.
    pub async fn catch_up(&self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < CATCH_UP {
            let taking = self.began.elapsed().saturating_sub(LAG).as_secs_f64();
            let expected = taking * f64::from(self.orders_per_second);
            #[expect(clippy::cast_precision_loss, reason = "far from 2^52 orders")]
            let is_behind = |done: usize| ((done - self.orders_before) as f64) < expected;
            if !self.orders()?.iter().any(|(_, done)| is_behind(*done)) {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until the services have processed this number of orders, as long as there is progress.
    async fn finish(&self, orders: usize) -> Result<()> {
        let mut done = self.orders()?;
        let mut progress = Instant::now();
        while progress.elapsed() < STUCK && done.iter().any(|(_, done)| *done < orders) {
            tokio::time::sleep(LOOK).await;
            let now = self.orders()?;
            if now != done {
                (done, progress) = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// Closes the store. Payment accepts no more orders and publishes those that it has. The other services finish all
    /// orders.
    ///
    /// # Errors
    /// When a service does not end cleanly. The message contains the end of its log.
    pub async fn close(mut self) -> Result<Traded> {
        let mut payment = self.services.pop().context("no payment")?;
        let time = self.began.elapsed();
        let mut counts = payment.stop().await?;
        let taken = std::fs::read_to_string(&payment.ledger)?;
        self.finish(taken.lines().count()).await?;
        let mut done = Vec::new();
        for service in &mut self.services {
            counts += service.stop().await?;
            done.push(std::fs::read_to_string(&service.ledger)?);
        }
        Ok(Traded { tally: compare(&taken, &done), counts, time })
    }

    /// The services of the store with their volumes.
    #[must_use]
    pub fn mounted_apps(&self) -> &[MountedApp] {
        self.store.mounted_apps()
    }
}

impl Service {
    async fn stop(&mut self) -> Result<Counts> {
        let status = self.process.terminate(STOP).await?;
        ensure!(
            status.success(),
            "{} ended with {status}; its log ends:\n{}",
            self.name,
            self.process.log_tail()
        );
        let log = std::fs::read_to_string(self.process.log())?;
        match log.lines().next_back().map(serde_json::from_str) {
            Some(Ok(counts)) => Ok(counts),
            _ => bail!("{} reported nothing; its log ends:\n{}", self.name, self.process.log_tail()),
        }
    }
}

fn lines(file: &Path) -> Result<usize> {
    match std::fs::read(file) {
        Ok(text) => Ok(text.iter().filter(|byte| **byte == b'\n').count()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}
