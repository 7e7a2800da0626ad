//! The AWS emulator: `MiniStack` with the patches of the launcher in `testbed/aws`, as a child process.
//!
//! `testbed/aws/CONTRACT.md` specifies its behaviour. The emulator enforces IAM by default, so a function can do only
//! what its deployed role allows.

mod asynchronous;
mod control;
mod deploy;
mod endpoints;
mod install;
mod limits;
mod rotation;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::config::Credentials;
use sandbox::process::{self, Process, free_ports};
use tokio::sync::OnceCell;

use deploy::Deployer;

pub use deploy::{Artifact, Stack};
pub use endpoints::{BrokerEngine, BrokerState};
pub use install::{Python, Requirements, emulator_version, install_requirements};
pub use limits::{Calls, Outcomes};
pub use rotation::{Attempt, EventForm, Pending, Retry, Rotation, RotationOptions, Step, Token};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";
/// `MiniStack` accepts this key pair as the account's root user, which IAM never restricts.
const ROOT_KEY: &str = "test";
const READY_LIMIT: Duration = Duration::from_secs(30);

/// Options for the start of the emulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// Enforce the IAM policies of functions and users. Otherwise, every call is allowed.
    pub enforce_iam: bool,
    /// The first pause before Lambda tries a failed asynchronous event again. AWS waits a minute.
    pub asynchronous_retry: Duration,
    /// Further variables of the launcher, such as `ROTATION_RETRY`.
    pub environment: Vec<(String, String)>,
    /// The port. If `None`, a free port.
    pub port: Option<u16>,
}

impl Default for Options {
    fn default() -> Self {
        let asynchronous_retry = Duration::from_millis(200);
        Self { enforce_iam: true, asynchronous_retry, environment: Vec::new(), port: None }
    }
}

/// A running emulator. It ends when dropped, or when this process is killed.
#[derive(Debug)]
pub struct Aws {
    python: Python,
    process: Process,
    folder: PathBuf,
    endpoint: String,
    deployer: OnceCell<Deployer>,
}

impl Aws {
    /// Creates the virtual environment below `tools`, unless it exists and is up to date. Reports slow steps and their
    /// reason to `progress`. Two processes may call this at the same time.
    ///
    /// # Errors
    /// When no Python 3.11 or later is found, or pip cannot install `testbed/aws/requirements.txt`.
    pub fn install(tools: &Path, progress: &dyn Fn(&str)) -> Result<Python> {
        install::install(tools, progress)
    }

    /// Starts the emulator, which writes only below `folder`, and waits until it answers.
    ///
    /// The environment of the launcher and the functions contains only the variables set here. Functions must not find
    /// credentials or settings of the machine that runs the tests.
    ///
    /// # Errors
    /// When the process ends or does not answer in time. The message contains the end of its log.
    pub async fn start(python: &Python, folder: &Path, options: Options) -> Result<Self> {
        let folder = folder.to_owned();
        for part in ["home", "tmp", "functions"] {
            let part = folder.join(part);
            std::fs::create_dir_all(&part).with_context(|| format!("cannot create {}", part.display()))?;
        }
        let port = match options.port {
            Some(port) => port,
            None => free_ports(1)?.into_iter().next().context("no free port")?,
        };
        let endpoint = format!("http://127.0.0.1:{port}");
        let command = launcher(python, &folder, &endpoint, port, &options);
        // Functions are children of the emulator. The namespace ends them with it, also a function that hangs.
        let alone = process::Options {
            clean_environment: true,
            own_pid_namespace: true,
            ..process::Options::default()
        };
        let log = folder.join("emulator.log");
        let mut process = Process::start_with("the AWS emulator", &command, &log, alone)?;
        let http = control::client()?;
        process.wait_until(READY_LIMIT, || control::is_ready(&http, &endpoint)).await?;
        Ok(Self { python: python.clone(), process, folder, endpoint, deployer: OnceCell::new() })
    }

    /// `http://127.0.0.1:PORT`, for every service.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The region of all resources.
    #[must_use]
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// The account of all resources.
    #[must_use]
    pub fn account(&self) -> &'static str {
        ACCOUNT
    }

    /// The emulator's own log, for the analysis of a failed test.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// The folder with all output of the emulator and the functions, for a search for leaked secrets.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Configuration for SDK clients that act as the account's root user.
    pub async fn sdk_config(&self) -> aws_config::SdkConfig {
        self.sdk_config_as(ROOT_KEY, ROOT_KEY, None).await
    }

    /// Configuration for SDK clients with these credentials.
    pub async fn sdk_config_as(
        &self,
        key: &str,
        secret: &str,
        session: Option<&str>,
    ) -> aws_config::SdkConfig {
        let credentials = Credentials::new(key, secret, session.map(str::to_owned), None, "testbed");
        aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(REGION))
            .endpoint_url(&self.endpoint)
            .credentials_provider(credentials)
            .load()
            .await
    }

    /// The AWS CLI, configured for this emulator. It ignores the machine's own configuration.
    ///
    /// Version 1 ignores `AWS_ENDPOINT_URL` for `aws sqs`: pass `--endpoint-url` there.
    #[must_use]
    pub fn cli(&self) -> Command {
        let mut command = Command::new(self.python.program("aws"));
        self.set_environment(&mut command);
        command
    }

    /// Every line that a function has printed; empty if it never ran.
    ///
    /// # Errors
    /// When the log exists and cannot be read.
    pub fn function_log(&self, name: &str) -> Result<Vec<String>> {
        let path = self.folder.join("functions").join(format!("{name}.log"));
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
    }

    fn set_environment(&self, command: &mut Command) {
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", ROOT_KEY)
            .env("AWS_SECRET_ACCESS_KEY", ROOT_KEY)
            .env_remove("AWS_SESSION_TOKEN")
            .env_remove("AWS_PROFILE")
            .env("AWS_CONFIG_FILE", self.folder.join("home/no-config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.folder.join("home/no-credentials"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "");
    }
}

fn launcher(python: &Python, folder: &Path, endpoint: &str, port: u16, options: &Options) -> Command {
    let mut command = Command::new(python.program("python"));
    let path = |name: &str| folder.join(name).display().to_string();
    let settings = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("HOME", path("home")),
        ("TMPDIR", path("tmp")),
        // MiniStack's own: outside the folder otherwise.
        ("STATE_DIR", path("state")),
        ("FUNCTION_LOGS", path("functions")),
        ("PYTHONPATH", install::sources().display().to_string()),
        // Python must not write compiled files beside the launcher's sources.
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("GATEWAY_PORT", port.to_string()),
        ("BIND_HOST", "127.0.0.1".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("MINISTACK_REGION", REGION.to_owned()),
        ("MINISTACK_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("IOT_MTLS_ENABLED", "0".to_owned()),
        ("SFTP_ENABLED", "0".to_owned()),
        ("AUTH", options.enforce_iam.to_string()),
        ("LAMBDA_ASYNC_RETRY_BASE_SECONDS", options.asynchronous_retry.as_secs_f64().to_string()),
    ];
    command.args(["-m", "launcher"]).current_dir(folder).envs(settings);
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    command
}
