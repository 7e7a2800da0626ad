//! The folder of a private node: its configuration, and the command that runs it.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rand::distr::{Alphanumeric, SampleString as _};
use sandbox::certificates::Certificates;
use sandbox::ports::PortBlock;

use super::installation::{Installation, assignment};

/// Lines of `rabbitmq.conf` with which the broker refuses passwords shorter than 12 characters.
/// (With the backend's short name, which some documents use, the node does not start.)
pub const MINIMUM_PASSWORD_LENGTH: [&str; 2] = [
    "credential_validator.validation_backend = rabbit_credential_validator_min_password_length",
    "credential_validator.min_length = 12",
];

/// Starts epmd as a child, because RabbitMQ itself starts a daemon that outlives the node. An epmd whose port is taken
/// by another epmd ends. Stops the node cleanly when standard input ends.
const SCRIPT: &str = r#"exec 3<&0
epmd -port "$ERL_EPMD_PORT" </dev/null 3<&- &
/usr/lib/rabbitmq/bin/rabbitmq-server </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -TERM "$server"; } &
wait "$server""#;

/// The ports of a node, all on loopback.
#[derive(Debug)]
pub(super) struct Ports(PortBlock);

impl Ports {
    pub(super) fn reserve() -> Result<Self> {
        Ok(Self(PortBlock::reserve()?))
    }

    pub(super) fn plain_amqp(&self) -> u16 {
        self.0.port(0)
    }

    pub(super) fn amqps(&self) -> u16 {
        self.0.port(1)
    }

    pub(super) fn plain_http(&self) -> u16 {
        self.0.port(2)
    }

    pub(super) fn https(&self) -> u16 {
        self.0.port(3)
    }

    fn distribution(&self) -> u16 {
        self.0.port(4)
    }

    fn epmd(&self) -> u16 {
        self.0.port(5)
    }
}

/// The identity of a node, and what it shares with the other nodes of its cluster.
#[derive(Clone)]
pub(super) struct Identity {
    /// The part of the node name before `@localhost`.
    name: String,
    cookie: String,
    admin_password: String,
    /// The port of epmd. If `None`, the node starts its own epmd.
    epmd: Option<u16>,
}

impl Identity {
    /// A node without a cluster.
    pub(super) fn alone() -> Self {
        let random = || Alphanumeric.sample_string(&mut rand::rng(), 32);
        Self { name: "node".to_owned(), cookie: random(), admin_password: random(), epmd: None }
    }

    /// Another node of the same cluster.
    pub(super) fn named(&self, name: String, epmd: Option<u16>) -> Self {
        Self { name, epmd, ..self.clone() }
    }
}

/// The folder of a node.
pub(super) struct Node {
    pub(super) folder: PathBuf,
    pub(super) ports: Ports,
    identity: Identity,
}

impl Node {
    /// Prepares the folder. It must not be the folder of an earlier node, whose data has another administrator.
    /// `extra` contains more lines of `rabbitmq.conf`.
    pub(super) fn create(
        folder: &Path,
        certificates: &Certificates,
        admin: &str,
        extra: &[&str],
        identity: Identity,
    ) -> Result<Self> {
        let node = Self { folder: std::path::absolute(folder)?, ports: Ports::reserve()?, identity };
        let configuration = node.folder.join("etc/rabbitmq.conf");
        ensure!(
            !configuration.exists(),
            "{} holds a node already; a new node needs its own folder",
            node.folder.display()
        );
        for part in ["", "etc", "mnesia", "log", "home", "generated"] {
            let part = node.folder.join(part);
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&part)
                .with_context(|| part.display().to_string())?;
        }
        let cookie = node.folder.join("home/.erlang.cookie");
        if !cookie.exists() {
            write(&cookie, 0o400, &node.identity.cookie)?;
        }
        write(&node.folder.join("etc/enabled_plugins"), 0o600, "[rabbitmq_management].\n")?;
        write(
            &node.folder.join("etc/rabbitmq.conf"),
            0o600,
            &node.configuration(certificates, admin, extra),
        )?;
        Ok(node)
    }

    /// The administrator's password.
    pub(super) fn admin_password(&self) -> &str {
        &self.identity.admin_password
    }

    /// The port of the epmd with which the node is registered.
    pub(super) fn epmd(&self) -> u16 {
        self.identity.epmd.unwrap_or_else(|| self.ports.epmd())
    }

    /// The file with the node's output, its log included.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("log/node.log")
    }

    /// The command that runs the node. It has its own process ids and root folder, and shares the machine's loopback.
    pub(super) fn command(
        &self,
        installation: &Installation,
        certificates: &Certificates,
    ) -> Result<Command> {
        let folder = self.folder.as_path();
        let mut command = installation.bwrap()?;
        for file in ["/etc/hosts", "/etc/passwd"] {
            command.args(["--ro-bind", file, file]);
        }
        command
            .args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--bind"])
            .arg(folder)
            .arg(folder);
        command.arg("--ro-bind").arg(certificates.folder()).arg(certificates.folder());
        command.args([
            "/usr/bin/env",
            "-i",
            "PATH=/usr/bin:/bin",
            "LANG=C.UTF-8",
            "ERL_EPMD_ADDRESS=127.0.0.1",
        ]);
        command.arg(format!("RABBITMQ_NODENAME={}@localhost", self.identity.name));
        command.args(["RABBITMQ_CONF_ENV_FILE=/dev/null", "RABBITMQ_LOGS=-"]);
        command.arg("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}");
        command.arg(format!("ERL_EPMD_PORT={}", self.epmd()));
        command.arg(format!("RABBITMQ_DIST_PORT={}", self.ports.distribution()));
        for (variable, part) in [
            ("HOME", "home"),
            ("RABBITMQ_MNESIA_BASE", "mnesia"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_PID_FILE", "pid"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "etc/enabled_plugins"),
            ("RABBITMQ_CONFIG_FILE", "etc/rabbitmq.conf"),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "etc/advanced.config"),
            ("RABBITMQ_GENERATED_CONFIG_DIR", "generated"),
            ("RABBITMQ_FEATURE_FLAGS_FILE", "mnesia/feature_flags"),
        ] {
            command.arg(assignment(variable, folder.join(part)));
        }
        command.args(["/bin/sh", "-c", SCRIPT]);
        Ok(command)
    }

    fn configuration(&self, certificates: &Certificates, admin: &str, extra: &[&str]) -> String {
        let mut text = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nlisteners.ssl.1 = 127.0.0.1:{}\n\
             management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {}\n\
             management.ssl.ip = 127.0.0.1\nmanagement.ssl.port = {}\n\
             default_user = {admin}\ndefault_pass = {}\nloopback_users = none\ndisk_free_limit.absolute = 50MB\n",
            self.ports.plain_amqp(),
            self.ports.amqps(),
            self.ports.plain_http(),
            self.ports.https(),
            self.admin_password(),
        );
        for section in ["ssl_options", "management.ssl"] {
            for (key, file) in [
                ("cacertfile", certificates.ca_pem()),
                ("certfile", certificates.server_pem()),
                ("keyfile", certificates.server_key()),
            ] {
                let _ = writeln!(text, "{section}.{key} = {}", file.display());
            }
            let _ = writeln!(text, "{section}.versions.1 = tlsv1.3\n{section}.versions.2 = tlsv1.2");
        }
        for line in extra {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

fn write(file: &Path, mode: u32, text: &str) -> Result<()> {
    let mut open = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(mode)
        .open(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(open.write_all(text.as_bytes())?)
}
