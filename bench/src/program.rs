//! The programs to measure, each with the environment of the deployed function.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use testbed::cloud::{Cloud, workspace};

/// The folder of the Python function.
const PEER: &str = "bench/peer";
/// `cargo xtask bench` installs its packages here.
const PEER_VENV: &str = "target/tools/bench-peer";
/// The files of the machine's own configuration. The SDK warns about a file that does not exist.
const FILES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

/// A program and everything that its process needs, except the address of the Runtime API.
#[derive(Debug, Clone)]
pub struct Program {
    /// The name in the report.
    pub name: String,
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    deployed: Deployed,
    /// The file for what it prints.
    pub log: PathBuf,
}

/// A function as the template has deployed it.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Its ARN.
    pub arn: String,
    /// Its time limit.
    pub timeout: Duration,
    variables: Vec<(String, String)>,
}

impl Deployed {
    /// Reads the configuration of the deployed function `name`. The variables with which an SDK finds the cloud belong to
    /// it.
    ///
    /// # Errors
    /// When Lambda does not know the function.
    pub async fn read(cloud: &Cloud, name: &str) -> Result<Self> {
        let found = cloud.lambda.get_function_configuration().function_name(name).send().await;
        let found = found.with_context(|| format!("Lambda does not know the function {name}"))?;
        let cli = cloud.aws.cli();
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        let mut variables: Vec<_> =
            cli.get_envs().filter_map(|(name, value)| Some((text(name), text(value?)))).collect();
        for (_, value) in variables.iter_mut().filter(|(name, _)| FILES.contains(&name.as_str())) {
            "/dev/null".clone_into(value);
        }
        let name = found.function_name().unwrap_or(name);
        let log_group = format!("/aws/lambda/{name}");
        let set_by_lambda = [
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", log_group.as_str()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("_HANDLER", found.handler().unwrap_or("bootstrap")),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ];
        variables.extend(set_by_lambda.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let own = found.environment.and_then(|environment| environment.variables).unwrap_or_default();
        variables.extend(own);
        let arn = found.function_arn.context("a function without an ARN")?;
        let timeout = u64::try_from(found.timeout.unwrap_or(3))?;
        Ok(Self { arn, timeout: Duration::from_secs(timeout), variables })
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: &str) {
        self.variables.retain(|(other, _)| other != name);
    }
}

impl Program {
    /// The release build `program` of a function, which needs no arguments.
    #[must_use]
    pub fn of_rust(name: &str, program: &Path, deployed: &Deployed, logs: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: Vec::new(),
            folder: program.parent().unwrap_or(program).to_owned(),
            deployed: deployed.clone(),
            log: logs.join(format!("bench-{name}.log")),
        }
    }

    /// The Python function of `bench/peer`, with the environment of rotation-mq.
    ///
    /// # Errors
    /// When its packages are not installed.
    pub fn peer(name: &str, rotation_mq: &Deployed, logs: &Path) -> Result<Self> {
        let python = workspace().join(PEER_VENV).join("bin/python");
        if !python.is_file() {
            anyhow::bail!("{PEER_VENV} is missing: `cargo xtask bench` installs it");
        }
        let mut deployed = rotation_mq.clone();
        // So that Python compiles each module once, and writes nothing beside the sources.
        let compiled = workspace().join(PEER_VENV).join("compiled");
        deployed.set("PYTHONPYCACHEPREFIX", &compiled.display().to_string());
        Ok(Self {
            name: name.to_owned(),
            program: python,
            arguments: ["-m", "awslambdaric", "lambda_function.lambda_handler"].map(str::to_owned).to_vec(),
            folder: workspace().join(PEER),
            deployed,
            log: logs.join(format!("bench-{name}.log")),
        })
    }

    /// The function whose environment it has.
    #[must_use]
    pub fn deployed(&self) -> &Deployed {
        &self.deployed
    }

    /// The command for an environment with this memory, and with the Runtime API at `address`. Appends its output to the
    /// log.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub fn command(&self, memory_mb: u32, address: &str) -> Result<Command> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| self.log.display().to_string())?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder).env_clear();
        command.envs(self.deployed.variables.iter().map(|(name, value)| (name, value)));
        command.env("LAMBDA_TASK_ROOT", &self.folder);
        command.env("AWS_LAMBDA_RUNTIME_API", address);
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_mb.to_string());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }
}
