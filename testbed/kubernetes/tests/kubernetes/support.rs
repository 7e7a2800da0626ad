//! One emulator and one cluster for all tests that do not change it, and a namespace for each test.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use aws::{Aws, Options, Python, Stack};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::Tag;
use kubernetes::{CLUSTER, Kubernetes};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub const LIMIT: Duration = Duration::from_secs(30);

pub struct Shared {
    pub aws: Aws,
    pub python: Python,
    pub kubernetes: Kubernetes,
    /// Roles that may log in to the cluster, and one role that may not.
    pub access: Stack,
    pub folder: PathBuf,
}

/// The first test that needs it starts it. It ends with the process.
pub async fn shared() -> Result<&'static Shared> {
    static SHARED: OnceCell<Result<Shared, String>> = OnceCell::const_new();
    // After a failed start, the other tests do not try again.
    let shared = SHARED.get_or_init(async || start("kubernetes").await.map_err(|error| format!("{error:#}")));
    shared.await.as_ref().map_err(|error| anyhow!("{error}"))
}

/// An emulator and a cluster for one caller, who may stop its parts.
#[expect(clippy::print_stdout, reason = "how long it took, for `--nocapture`")]
pub async fn start(name: &str) -> Result<Shared> {
    let folder = scratch(name)?;
    let python = Aws::install(&tools(), &|_| {})?;
    let aws = Aws::start(&python, &folder.join("aws"), Options::default()).await?;
    let started = Instant::now();
    let kubernetes = Kubernetes::start(&Kubernetes::find(&tools())?, &folder.join("cluster"), &aws).await?;
    println!("the cluster {name} started in {:?}", started.elapsed());
    let template = tests().join("access.yaml");
    let access = aws.deploy("access", &template, &[("Cluster", CLUSTER)], &[]).await?;
    Ok(Shared { aws, python, kubernetes, access, folder })
}

/// `target/testbed`, where runs share the programs.
pub fn tools() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("testbed")
}

pub fn scratch(name: &str) -> Result<PathBuf> {
    sandbox::scratch::folder(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
}

pub fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes")
}

/// A namespace with a store, a secret of Secrets Manager and an `ExternalSecret` for it.
pub struct Delivery<'a> {
    pub shared: &'a Shared,
    pub namespace: &'a str,
    pub arn: String,
    secrets: Client,
}

impl<'a> Delivery<'a> {
    /// Returns after the delivery of `first`.
    pub async fn new(shared: &'a Shared, namespace: &'a str, first: &str) -> Result<Self> {
        let kubernetes = &shared.kubernetes;
        kubernetes.create_namespace(namespace, &[]).await?;
        kubernetes.create_secret_store(&shared.aws, namespace, "aws").await?;
        let secrets = Client::new(&shared.aws.sdk_config().await);
        let arn = create_secret(&secrets, namespace, &value(first)).await?;
        let delivery = Self { shared, namespace, arn, secrets };
        delivery.ask("first").await?;
        delivery.wait_for(first).await?;
        Ok(delivery)
    }

    /// Puts a new value into the secret. The operator does not know of it yet.
    pub async fn put(&self, password: &str) -> Result<()> {
        self.secrets.put_secret_value().secret_id(&self.arn).secret_string(value(password)).send().await?;
        Ok(())
    }

    /// Applies the `ExternalSecret` with an annotation, which makes the operator sync.
    pub async fn ask(&self, annotation: &str) -> Result<()> {
        let object = external_secret(self.namespace, &self.arn, annotation);
        self.shared.kubernetes.apply_manifests(&object.to_string()).await
    }

    /// Waits until the Secret has that password.
    pub async fn wait_for(&self, password: &str) -> Result<()> {
        let wanted =
            |data: &kubernetes::SecretData| data.get("password").is_some_and(|found| found == password);
        self.shared.kubernetes.wait_for_secret(self.namespace, "broker", wanted, LIMIT).await.map(drop)
    }

    pub async fn password(&self) -> Result<Option<String>> {
        let data = self.shared.kubernetes.secret(self.namespace, "broker").await?;
        Ok(data.and_then(|mut data| data.remove("password")))
    }
}

/// Creates a secret whose tag names the namespace. Returns its ARN.
pub async fn create_secret(secrets: &Client, namespace: &str, text: &str) -> Result<String> {
    let tag = Tag::builder().key("secret2eks/namespace").value(namespace).build();
    let create = secrets.create_secret().name(format!("rabbitmq/{namespace}")).secret_string(text).tags(tag);
    create.send().await?.arn.context("a secret without an ARN")
}

/// An `ExternalSecret` named `broker` for the keys `username` and `password`.
pub fn external_secret(namespace: &str, arn: &str, annotation: &str) -> Value {
    let data = ["username", "password"]
        .map(|key| json!({"secretKey": key, "remoteRef": {"key": arn, "property": key}}));
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"namespace": namespace, "name": "broker", "annotations": {"force-sync": annotation}},
        "spec": {
            "refreshInterval": "1h0m0s",
            "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
            "target": {"name": "broker"},
            "data": data,
        },
    })
}

/// The user contains the password's number, so that a mix of two versions is visible.
pub fn value(password: &str) -> String {
    json!({"username": format!("user-of-{password}"), "password": password}).to_string()
}

/// Waits for a condition.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !condition().await.with_context(|| what.to_owned())? {
        ensure!(started.elapsed() < LIMIT, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
