//! A real RabbitMQ: a private node on loopback, which needs no root privileges and installs nothing.
//!
//! ```no_run
//! # use std::path::Path;
//! # use broker::{Broker, Suite};
//! # use sandbox::certificates::Certificates;
//! # async fn example() -> anyhow::Result<()> {
//! let certificates = Certificates::create(Path::new("target/testbed/tls"))?;
//! let installation = Broker::install(Suite::from_environment()?, Path::new("target/testbed"), &|_| {})?;
//! let broker = Broker::start(&installation, Path::new("target/testbed/node"), &certificates).await?;
//! broker.management()?.create_user("payment", "a-long-password", &[]).await?;
//! assert!(broker.can_log_in("payment", "wrong").await.is_ok_and(|works| !works));
//! # Ok(())
//! # }
//! ```

mod apt_sources;
mod installation;
mod login;
pub mod management;
mod node;
mod shared;
mod suite;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use sandbox::certificates::Certificates;
use sandbox::process::{Options, Process};
use tokio::sync::Mutex;

pub use self::apt_sources::debian_mirror;
pub use self::installation::{Installation, ROOT_VARIABLE};
pub use self::login::{amqps_login, answers, close, is_refused};
pub use self::node::MINIMUM_PASSWORD_LENGTH;
use self::node::{Identity, Node};
pub use self::suite::{Suite, VARIABLE};
use crate::management::Management;

/// The administrator of every node. Each node has another password for it.
pub const ADMIN: &str = "broker-admin";
/// A start takes 3 s for 4.x and 6 s for 3.10 on two idle cores, and several times as long during a build.
const READY: Duration = Duration::from_secs(120);
const STOPPED: Duration = Duration::from_secs(30);

/// A running RabbitMQ node. It ends when dropped.
pub struct Broker {
    installation: Installation,
    certificates: Certificates,
    node: Node,
    version: String,
    // Behind a lock, so that a test can restart the node while other tasks use it.
    process: Mutex<Process>,
    process_id: AtomicU32,
}

impl Broker {
    /// Prepares the files of a suite's RabbitMQ below `tools` (`target/testbed`). Blocks during the extraction. Returns
    /// quickly if they exist.
    ///
    /// # Errors
    /// See [`Installation::prepare`].
    pub fn install(suite: Suite, tools: &Path, progress: &dyn Fn(&str)) -> Result<Installation> {
        Installation::prepare(suite, tools, progress)
    }

    /// Starts a node in `folder` and waits until its management API and AMQPS both answer.
    ///
    /// # Errors
    /// When it does not start or is not ready in time. The message contains the end of its log.
    pub async fn start(
        installation: &Installation,
        folder: &Path,
        certificates: &Certificates,
    ) -> Result<Self> {
        Self::start_configured(installation, folder, certificates, &[]).await
    }

    /// As [`Broker::start`], with more lines of `rabbitmq.conf`, such as [`MINIMUM_PASSWORD_LENGTH`].
    ///
    /// # Errors
    /// As [`Broker::start`].
    pub async fn start_configured(
        installation: &Installation,
        folder: &Path,
        certificates: &Certificates,
        extra: &[&str],
    ) -> Result<Self> {
        let node = Node::create(folder, certificates, ADMIN, extra, Identity::alone())?;
        let mut broker = Self::launch(installation, certificates, node)?;
        broker.wait_until_ready().await?;
        Ok(broker)
    }

    /// Starts `count` nodes of one cluster below `folder`, each with its own ports.
    ///
    /// # Errors
    /// As [`Broker::start`], or when the nodes do not find each other.
    pub async fn start_cluster(
        installation: &Installation,
        folder: &Path,
        certificates: &Certificates,
        count: usize,
    ) -> Result<Vec<Self>> {
        let names: Vec<String> = (1..=count).map(|number| format!("node{number}")).collect();
        let nodes = names.iter().enumerate().map(|(index, name)| {
            format!("cluster_formation.classic_config.nodes.{} = {name}@localhost", index + 1)
        });
        let discovery = "cluster_formation.peer_discovery_backend = classic_config".to_owned();
        let lines: Vec<String> = [discovery].into_iter().chain(nodes).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let shared = Identity::alone();
        let mut brokers: Vec<Self> = Vec::new();
        for name in names {
            let epmd = brokers.first().map(|first| first.node.epmd());
            let folder = folder.join(&name);
            let node = Node::create(&folder, certificates, ADMIN, &lines, shared.named(name, epmd))?;
            brokers.push(Self::launch(installation, certificates, node)?);
        }
        // The nodes wait for each other, so all of them must be started before one is ready.
        for broker in &mut brokers {
            broker.wait_until_ready().await?;
        }
        for broker in &mut brokers {
            let management = broker.management()?;
            let management = &management;
            let knows_all =
                || async move { management.running_nodes().await.is_ok_and(|found| found == count) };
            broker
                .process
                .get_mut()
                .wait_until(READY, knows_all)
                .await
                .context("the nodes do not find each other")?;
        }
        Ok(brokers)
    }

    fn launch(installation: &Installation, certificates: &Certificates, node: Node) -> Result<Self> {
        let process = launch(&node, installation, certificates)?;
        let (installation, certificates) = (installation.clone(), certificates.clone());
        let process_id = AtomicU32::new(process.id());
        let process = Mutex::new(process);
        Ok(Self { installation, certificates, node, version: String::new(), process, process_id })
    }

    /// The version that the running node reports.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `https://localhost:<port>` of the management API.
    #[must_use]
    pub fn management_url(&self) -> String {
        format!("https://localhost:{}", self.management_port())
    }

    /// The HTTPS port of the management API.
    #[must_use]
    pub fn management_port(&self) -> u16 {
        self.node.ports.https()
    }

    /// The AMQP port with TLS.
    #[must_use]
    pub fn amqps_port(&self) -> u16 {
        self.node.ports.amqps()
    }

    /// The AMQP port without TLS. No part of the suite may connect to it.
    #[must_use]
    pub fn plain_amqp_port(&self) -> u16 {
        self.node.ports.plain_amqp()
    }

    /// The port of the management API without TLS. No part of the suite may connect to it.
    #[must_use]
    pub fn plain_http_port(&self) -> u16 {
        self.node.ports.plain_http()
    }

    /// The certificate of the authority that a client must trust.
    #[must_use]
    pub fn ca_pem(&self) -> PathBuf {
        self.certificates.ca_pem()
    }

    /// The node's certificates, for a proxy in front of it.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The administrator's name.
    #[must_use]
    pub fn admin_user(&self) -> &'static str {
        ADMIN
    }

    /// The administrator's first password. It is random, and only the node's configuration contains it.
    #[must_use]
    pub fn admin_password(&self) -> &str {
        self.node.admin_password()
    }

    /// The node's log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.node.log()
    }

    /// The node's folder. Its `etc` contains the administrator's password, its `mnesia` contains the users.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.node.folder
    }

    /// The id of the node's first process. All other processes of the node end with it.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process_id.load(Ordering::SeqCst)
    }

    /// A client of the management API as the administrator.
    ///
    /// # Errors
    /// When the authority's certificate cannot be read.
    pub fn management(&self) -> Result<Management> {
        Management::new(&self.management_url(), &self.ca_pem(), ADMIN, self.admin_password())
    }

    /// As [`Broker::management`], but it keeps connections, for many calls in one runtime.
    ///
    /// # Errors
    /// As [`Broker::management`].
    pub fn pooled_management(&self) -> Result<Management> {
        Management::with_pool(&self.management_url(), &self.ca_pem(), ADMIN, self.admin_password(), 4)
    }

    /// Stops the node cleanly. Its data stays in its folder, and its ports stay reserved.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.get_mut().stop(STOPPED).await
    }

    /// Kills the node, like a power cut.
    pub fn kill(&mut self) {
        self.process.get_mut().kill();
    }

    /// Stops the node if it runs, and starts it again with the same data and ports.
    ///
    /// # Errors
    /// As [`Broker::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.restart_in_use().await?;
        self.version = self.management()?.version().await.context("the node no longer answers")?;
        Ok(())
    }

    /// As [`Broker::restart`], while other tasks use the node. Their connections end.
    ///
    /// # Errors
    /// As [`Broker::start`].
    pub async fn restart_in_use(&self) -> Result<()> {
        let mut process = self.process.lock().await;
        process.stop(STOPPED).await?;
        *process = launch(&self.node, &self.installation, &self.certificates)?;
        self.process_id.store(process.id(), Ordering::SeqCst);
        self.is_ready(&mut process).await
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        {
            let mut process = self.process.lock().await;
            self.is_ready(&mut process).await?;
        }
        self.version = self.management()?.version().await.context("the node no longer answers")?;
        Ok(())
    }

    async fn is_ready(&self, process: &mut Process) -> Result<()> {
        let management = self.management()?;
        let (port, ca_pem) = (self.amqps_port(), self.ca_pem());
        let (management, ca_pem, password) = (&management, &ca_pem, self.node.admin_password());
        let answers = || async move {
            management.version().await.is_ok()
                && amqps_login(port, ca_pem, ADMIN, password, "/").await.is_ok()
        };
        process.wait_until(READY, answers).await
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the password.
        let mut shown = formatter.debug_struct("Broker");
        shown.field("version", &self.version).field("folder", &self.folder()).finish_non_exhaustive()
    }
}

fn launch(node: &Node, installation: &Installation, certificates: &Certificates) -> Result<Process> {
    let options = Options { clean_environment: true, stop_pipe: true, ..Options::default() };
    Process::start_with("rabbitmq", &node.command(installation, certificates)?, &node.log(), options)
}
