//! Deploys templates with `testbed/aws/launcher/deploy.py`, a process that calls the AWS API through botocore.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use sandbox::process::{self, Process, free_ports};
use serde_json::{Value, json};

use super::{Aws, READY_LIMIT, control, install};

/// The replacement for a function's package.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The last part of the `CodeUri` that it replaces, such as `rotation-mq`.
    pub code_uri: String,
    /// A folder that contains `bootstrap`, or the program itself.
    pub source: PathBuf,
}

impl Artifact {
    /// Replaces the `CodeUri` that ends in `code_uri` with the program or folder `source`.
    #[must_use]
    pub fn new(code_uri: &str, source: impl Into<PathBuf>) -> Self {
        Self { code_uri: code_uri.to_owned(), source: source.into() }
    }
}

/// A deployed stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// The physical ids of its resources by logical id.
    pub resources: BTreeMap<String, String>,
}

impl Stack {
    /// The output of that name.
    ///
    /// # Errors
    /// When the template has no such output.
    pub fn output(&self, name: &str) -> Result<&str> {
        let known = || format!("no output {name}; there are {:?}", self.outputs.keys());
        self.outputs.get(name).map(String::as_str).with_context(known)
    }

    /// The physical id of that resource, such as a function's name.
    ///
    /// # Errors
    /// When the template has no such resource.
    pub fn resource(&self, logical_id: &str) -> Result<&str> {
        let known = || format!("no resource {logical_id}; there are {:?}", self.resources.keys());
        self.resources.get(logical_id).map(String::as_str).with_context(known)
    }
}

impl Aws {
    /// Creates the stack, or updates it if it exists. Uploads the functions' packages and waits for the end. The
    /// packages are not compressed, so that a debug binary is packed at once.
    ///
    /// # Errors
    /// When a package is missing or the stack fails. The message contains the stack's events.
    pub async fn deploy(
        &self,
        stack: &str,
        template: &Path,
        parameters: &[(&str, &str)],
        artifacts: &[Artifact],
    ) -> Result<Stack> {
        let parameters: BTreeMap<_, _> = parameters.iter().copied().collect();
        let artifacts: BTreeMap<_, _> = artifacts.iter().map(|part| (&part.code_uri, &part.source)).collect();
        let request =
            json!({"stack": stack, "template": template, "parameters": parameters, "artifacts": artifacts});
        let answer = self.run_deployment(&request).await?;
        let text = |part: &str| -> Result<BTreeMap<String, String>> {
            Ok(serde_json::from_value(answer.get(part).cloned().unwrap_or_default())?)
        };
        Ok(Stack { outputs: text("outputs")?, resources: text("resources")? })
    }

    /// Deletes the stack and waits for the end. A stack that does not exist is no error.
    ///
    /// # Errors
    /// When a resource is not deleted. The message contains the stack's events.
    pub async fn delete_stack(&self, stack: &str) -> Result<()> {
        self.run_deployment(&json!({"stack": stack, "delete": true})).await.map(drop)
    }

    async fn run_deployment(&self, request: &Value) -> Result<Value> {
        let deployer = self.deployer.get_or_try_init(|| self.start_deployer()).await?;
        control::answer(control::client()?.post(&deployer.endpoint).timeout(control::LIMIT).json(request))
            .await
    }

    async fn start_deployer(&self) -> Result<Deployer> {
        let port = free_ports(1)?.into_iter().next().context("no free port")?;
        let mut command = Command::new(self.python.program("python"));
        self.set_environment(&mut command);
        command
            .args(["-m", "launcher.deploy", &port.to_string()])
            .env("PYTHONPATH", install::sources())
            // Packages are zipped there.
            .env("TMPDIR", self.folder.join("tmp"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let alone = process::Options { clean_environment: true, ..process::Options::default() };
        let log = self.folder.join("deployments.log");
        let mut process = Process::start_with("the deployment of stacks", &command, &log, alone)?;
        let endpoint = format!("http://127.0.0.1:{port}/");
        let http = control::client()?;
        process.wait_until(READY_LIMIT, || control::answers(&http, &endpoint)).await?;
        Ok(Deployer { endpoint, _process: process })
    }
}

/// The process that deploys. It starts at the first deployment.
#[derive(Debug)]
pub(super) struct Deployer {
    endpoint: String,
    _process: Process,
}
