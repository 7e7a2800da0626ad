//! One emulator and one stack for all tests, and a secret with a script for each test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use aws::{Artifact, Aws, Options, Python, Rotation, RotationOptions, Stack};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::types::Tag;
use conformance::manifest::Manifest;
use conformance::target::{Judge, Target};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub const LIMIT: Duration = Duration::from_secs(30);

pub struct Shared {
    pub aws: Aws,
    pub python: Python,
    pub stack: Stack,
    pub probe_folder: PathBuf,
}

/// The first test that needs it starts it. It ends with the process.
pub async fn shared() -> Result<&'static Shared> {
    static SHARED: OnceCell<Result<Shared, String>> = OnceCell::const_new();
    // After a failed start, the other tests do not try again.
    let shared = SHARED.get_or_init(async || start().await.map_err(|error| format!("{error:#}"))).await;
    shared.as_ref().map_err(|error| anyhow!("{error}"))
}

async fn start() -> Result<Shared> {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    remove_folders_of_ended_runs(temporary)?;
    let folder = folder_of_this_run();
    let probe_folder = folder.join("probe");
    std::fs::create_dir_all(&probe_folder)?;
    let tools = temporary.parent().context("no target folder")?.join("testbed");
    let python = Aws::install(&tools, &|_| ())?;
    // A variable that no function may see.
    let environment = vec![("TESTBED_CANARY".to_owned(), "seen".to_owned())];
    let options =
        Options { environment, asynchronous_retry: Duration::from_millis(20), ..Options::default() };
    let aws = Aws::start(&python, &folder, options).await?;
    let probe = probe_folder.to_str().context("the folder's name is no text")?;
    let artifact = Artifact::new("probe-function", env!("CARGO_BIN_EXE_probe-function"));
    let stack =
        aws.deploy("contract", &template("contract.yaml"), &[("ProbeFolder", probe)], &[artifact]).await?;
    Ok(Shared { aws, python, stack, probe_folder })
}

/// The emulator as a judge of `conformance`, for the rows that need no option of the launcher.
pub async fn target() -> Result<Target> {
    let shared = shared().await?;
    let run = conformance::run::Run::start(conformance::clock::now(), "-contract", false)?;
    let manifest = Manifest::in_folder(&folder_of_this_run().join("conformance"))?;
    Target::new(Judge::Emulator, run, shared.aws.account(), shared.aws.sdk_config().await, manifest)
}

pub fn template(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// For the emulator of one test.
pub fn folder_of_a_test(name: &str) -> PathBuf {
    folder_of_this_run().join(name)
}

fn folder_of_this_run() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("aws-contract-{}", std::process::id()))
}

fn remove_folders_of_ended_runs(temporary: &Path) -> Result<()> {
    for entry in std::fs::read_dir(temporary)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ended = |process: &str| !Path::new("/proc").join(process).exists();
        if name.strip_prefix("aws-contract-").is_some_and(ended) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// A secret of one test. Its tag allows the probe to use it.
pub struct Secret {
    pub shared: &'static Shared,
    pub client: Client,
    pub arn: String,
    pub first: String,
}

impl Secret {
    /// A secret with the value `first`.
    pub async fn new() -> Result<Self> {
        Self::named("contract").await
    }

    pub async fn named(prefix: &str) -> Result<Self> {
        let shared = shared().await?;
        let client = Client::new(&shared.aws.sdk_config().await);
        let tag = Tag::builder().key("probe").value("allowed").build();
        let create = client.create_secret().name(unique(prefix)).secret_string("first").tags(tag);
        let created = create.send().await?;
        let arn = created.arn.context("no ARN")?;
        Ok(Self { shared, client, arn, first: created.version_id.context("no version")? })
    }

    /// Sets the probe's script for this secret: an object from step to actions.
    pub fn script(&self, script: &Value) -> Result<()> {
        let name = self.arn.rsplit(":secret:").next().context("no name")?.replace('/', "_");
        Ok(std::fs::write(self.shared.probe_folder.join(format!("{name}.json")), script.to_string())?)
    }

    /// The usual function: a value in the first step, the promotion in the last.
    pub fn script_success(&self) -> Result<()> {
        self.script(&json!({"createSecret": [put("second")], "finishSecret": [{"do": "promote"}]}))
    }

    pub async fn options(&self, options: RotationOptions) -> Result<()> {
        self.shared.aws.set_rotation_options(Some(&self.arn), &options).await
    }

    /// Starts a rotation. Returns its version.
    pub async fn rotate(&self) -> Result<String> {
        let function = self.shared.stack.output("ProbeArn")?;
        let rotate = self.client.rotate_secret().secret_id(&self.arn).rotation_lambda_arn(function);
        rotate.send().await?.version_id.context("no version")
    }

    pub async fn wait(&self, version: &str) -> Result<Rotation> {
        self.shared.aws.wait_for_rotation(&self.arn, Some(version), LIMIT).await
    }

    pub async fn rotate_and_wait(&self) -> Result<Rotation> {
        let version = self.rotate().await?;
        self.wait(&version).await
    }

    /// The labels of a version, sorted; empty if it has none or does not exist.
    pub async fn labels(&self, version: &str) -> Result<Vec<String>> {
        let description = self.client.describe_secret().secret_id(&self.arn).send().await?;
        let mut labels =
            description.version_ids_to_stages.unwrap_or_default().remove(version).unwrap_or_default();
        labels.sort();
        Ok(labels)
    }

    pub async fn value(&self) -> Result<String> {
        let read = self.client.get_secret_value().secret_id(&self.arn).send().await?;
        read.secret_string.context("no string")
    }

    pub async fn put(&self, value: &str, token: &str, labels: &[&str]) -> Result<String> {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let put = self
            .client
            .put_secret_value()
            .secret_id(&self.arn)
            .secret_string(value)
            .client_request_token(token);
        put.set_version_stages(Some(labels)).send().await?.version_id.context("no version")
    }

    /// The events of this secret that the probe received.
    pub fn events(&self) -> Result<Vec<Value>> {
        Ok(self
            .entries()?
            .into_iter()
            .filter_map(|mut entry| entry.get_mut("event").map(Value::take))
            .collect())
    }

    pub fn entries(&self) -> Result<Vec<Value>> {
        let entries = entries(self.shared)?;
        let is_mine =
            |entry: &Value| entry.pointer("/event/SecretId").and_then(Value::as_str) == Some(&self.arn);
        Ok(entries.into_iter().filter(is_mine).collect())
    }
}

/// All that the probe recorded.
pub fn entries(shared: &Shared) -> Result<Vec<Value>> {
    let text = match std::fs::read_to_string(shared.probe_folder.join("events.jsonl")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

pub fn put(value: &str) -> Value {
    json!({"do": "put", "value": value})
}

pub fn fail() -> Value {
    json!({"do": "fail", "type": "Probe.Asked", "message": "as the script says"})
}

/// `outcome` of each regular step of each attempt, such as `createSecret succeeded`.
pub fn steps(rotation: &Rotation) -> Vec<Vec<String>> {
    let line = |step: &aws::Step| match step.kind.as_str() {
        "regular" => format!("{} {}", step.step, step.outcome),
        kind => format!("{} {} {kind}", step.step, step.outcome),
    };
    rotation.attempts.iter().map(|attempt| attempt.steps.iter().map(line).collect()).collect()
}

/// A token in the form of a version id.
pub fn token() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("00000000-0000-4000-8000-{:012}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}/{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Asserts that the call failed with that code.
pub fn assert_refused<T, E, R>(result: Result<T, SdkError<E, R>>, code: &str) -> Result<String>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Err(error) = result else { bail!("expected {code}, but the call succeeded") };
    ensure!(error.code() == Some(code), "expected {code}, got {error:?}");
    Ok(error.message().unwrap_or_default().to_owned())
}

/// Repeats a call until it returns an answer.
pub async fn eventually<T, F, Fut>(what: &str, mut ask: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let started = Instant::now();
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        ensure!(started.elapsed() < LIMIT, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes a CLI call as root, which must succeed. Returns its answer.
pub async fn cli(shared: &'static Shared, arguments: &[&str]) -> Result<Value> {
    let mut command = shared.aws.cli();
    command.args(arguments).args(["--output", "json"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(if output.stdout.is_empty() { Value::Null } else { serde_json::from_slice(&output.stdout)? })
}
