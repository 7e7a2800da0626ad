//! Deploys a template with `testbed/aws/launcher/deploy.py`, which calls the AWS API through botocore.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use sandbox::process::ends_with_its_thread;
use serde_json::{Value, json};

use super::{Aws, install};

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
        let answer = self.run_deployment(request.to_string()).await?;
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
        self.run_deployment(json!({"stack": stack, "delete": true}).to_string()).await.map(drop)
    }

    async fn run_deployment(&self, request: String) -> Result<Value> {
        let mut command = Command::new(self.python.program("python"));
        self.set_environment(&mut command);
        command
            .args(["-m", "launcher.deploy"])
            .env("PYTHONPATH", install::sources())
            // Parsed templates are kept there.
            .env("TMPDIR", self.folder.join("tmp"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        tokio::task::spawn_blocking(move || run(&command, &request)).await?
    }
}

fn run(command: &Command, request: &str) -> Result<Value> {
    let mut command = ends_with_its_thread(command)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start the deployment")?;
    // The pipe is taken and dropped, so that the deployment reads the end of its input.
    child.stdin.take().context("the deployment has no input")?.write_all(request.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    serde_json::from_slice(&output.stdout).context("the answer of the deployment is not JSON")
}
