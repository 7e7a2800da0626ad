//! The folder of a cluster: its files, its ports, and the commands that run its parts.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rand::distr::{Alphanumeric, SampleString as _};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use sandbox::certificates::Certificates;
use sandbox::ports::PortBlock;
use serde_json::json;

use super::CLUSTER;
use super::installation::Installation;

/// How long the API server caches an answer of the webhook, also a refusal: not at all. A second cache, which cannot be
/// turned off, keeps an accepted token for 10 s (`TokenSuccessCacheTTL` of Kubernetes).
const WEBHOOK_CACHE: &str = "0s";

/// What the operator does at once: as many workers as in `infra/kubernetes/external-secrets-values.yaml`. A worker sends
/// several requests to the API server for each ExternalSecret. The default of 50 a second would be the bottleneck of many.
pub const OPERATOR_LIMITS: [&str; 3] = ["--concurrent=10", "--client-qps=200", "--client-burst=400"];

/// A cluster's folder, created once.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) folder: PathBuf,
    pub(super) admin_token: String,
    /// The issuer of service account tokens, in the form that EKS uses.
    pub(super) issuer: String,
    operator_token: String,
    controllers_token: String,
    aws: String,
    region: String,
    ports: PortBlock,
}

impl Layout {
    /// Prepares the folder, which must not be the folder of an earlier cluster.
    pub(super) fn create(folder: &Path, aws: &str, region: &str) -> Result<Self> {
        let folder = std::path::absolute(folder)?;
        ensure!(
            !folder.join("etcd").exists(),
            "{} holds a cluster already; a new cluster needs its own folder",
            folder.display()
        );
        for part in ["", "etcd", "home"] {
            let part = folder.join(part);
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(&part).with_context(|| part.display().to_string())?;
        }
        let id: String = (0..4).map(|_| format!("{:08X}", rand::random::<u32>())).collect();
        let layout = Self {
            admin_token: random_token(),
            operator_token: random_token(),
            controllers_token: random_token(),
            issuer: format!("https://oidc.eks.{region}.amazonaws.com/id/{id}"),
            aws: aws.to_owned(),
            region: region.to_owned(),
            ports: PortBlock::reserve()?,
            folder,
        };
        layout.write_files()?;
        Ok(layout)
    }

    pub(super) fn endpoint(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_server_port())
    }

    pub(super) fn etcd_port(&self) -> u16 {
        self.ports.port(0)
    }

    pub(super) fn api_server_port(&self) -> u16 {
        self.ports.port(2)
    }

    pub(super) fn webhook_port(&self) -> u16 {
        self.ports.port(3)
    }

    pub(super) fn operator_health_port(&self) -> u16 {
        self.ports.port(4)
    }

    pub(super) fn log(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.log"))
    }

    /// Runs without fsync, because the data need not survive a power cut.
    pub(super) fn etcd(&self, installation: &Installation) -> Command {
        let client = format!("http://127.0.0.1:{}", self.etcd_port());
        let peer = format!("http://127.0.0.1:{}", self.ports.port(1));
        let mut command = Command::new(&installation.etcd);
        command.args(["--name", CLUSTER, "--unsafe-no-fsync", "--log-level", "warn", "--data-dir"]);
        command.arg(self.folder.join("etcd"));
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("{CLUSTER}={peer}")]);
        command
    }

    /// RBAC authorizes. For a token of EKS, the API server asks the webhook for the user.
    pub(super) fn api_server(&self, installation: &Installation, certificates: &Certificates) -> Command {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let mut command = Command::new(&installation.api_server);
        command.arg(format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port()));
        command.args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"]);
        // No client looks for the API server in the cluster, and an endpoint must not be a loopback address.
        command.arg("--endpoint-reconciler-type=none");
        command.arg(format!("--secure-port={}", self.api_server_port()));
        command.arg(format!("--cert-dir={}", file("generated")));
        command.arg(format!("--tls-cert-file={}", certificates.server_pem().display()));
        command.arg(format!("--tls-private-key-file={}", certificates.server_key().display()));
        command.arg("--authorization-mode=RBAC");
        command.arg(format!("--token-auth-file={}", file("tokens.csv")));
        command.arg(format!("--authentication-token-webhook-config-file={}", file("webhook.json")));
        command.arg("--authentication-token-webhook-version=v1");
        command.arg(format!("--authentication-token-webhook-cache-ttl={WEBHOOK_CACHE}"));
        command.arg(format!("--service-account-issuer={}", self.issuer));
        command.arg(format!("--service-account-key-file={}", file("service-accounts.pem")));
        command.arg(format!("--service-account-signing-key-file={}", file("service-accounts.key")));
        command.arg("--service-cluster-ip-range=10.0.0.0/24");
        // No controller creates the default account of a namespace, and nothing runs as that account.
        command.arg("--disable-admission-plugins=ServiceAccount");
        command
    }

    pub(super) fn webhook(&self, installation: &Installation) -> Command {
        let mut command = Command::new(&installation.token_webhook);
        command.args(["-listen", &format!("127.0.0.1:{}", self.webhook_port()), "-cluster", CLUSTER]);
        command.args(["-region", &self.region, "-aws", &self.aws]);
        command
    }

    /// Runs only the garbage collector, and serves nothing. It deletes the Secrets of many `ExternalSecrets` at once, so it may
    /// send more requests than by default.
    pub(super) fn garbage_collector(&self, installation: &Installation, ca_pem: &Path) -> Result<Command> {
        let kubeconfig = self.folder.join("controllers.kubeconfig");
        write_private(&kubeconfig, &self.kubeconfig_of(&self.controllers_token, ca_pem))?;
        let mut command = Command::new(&installation.controller_manager);
        command.arg(format!("--kubeconfig={}", kubeconfig.display()));
        command.args([
            "--controllers=garbage-collector-controller",
            "--leader-elect=false",
            "--secure-port=0",
        ]);
        command.args(["--kube-api-qps=200", "--kube-api-burst=400"]);
        command.env("HOME", self.folder.join("home"));
        Ok(command)
    }

    /// Runs only the controller. The webhook only validates applied objects, and the certificate controller serves the
    /// webhook.
    pub(super) fn operator(&self, installation: &Installation, ca_pem: &Path) -> Result<Command> {
        let kubeconfig = self.folder.join("operator.kubeconfig");
        write_private(&kubeconfig, &self.kubeconfig_of(&self.operator_token, ca_pem))?;
        let mut command = Command::new(&installation.operator);
        command.args(OPERATOR_LIMITS).arg("--zap-time-encoding=rfc3339nano");
        command.arg(format!("--live-addr=127.0.0.1:{}", self.operator_health_port()));
        command.arg(format!("--metrics-addr=127.0.0.1:{}", self.ports.port(5)));
        for kind in ["cluster-external-secret", "cluster-push-secret", "push-secret"] {
            command.arg(format!("--enable-{kind}-reconciler=false"));
        }
        command.env("HOME", self.folder.join("home")).env("KUBECONFIG", kubeconfig);
        command.env("AWS_REGION", &self.region).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_SECRETSMANAGER_ENDPOINT", &self.aws).env("AWS_STS_ENDPOINT", &self.aws);
        Ok(command)
    }

    pub(super) fn write_kubeconfig(&self, file: &Path, token: &str, ca_pem: &Path) -> Result<()> {
        write_private(file, &self.kubeconfig_of(token, ca_pem))
    }

    fn write_files(&self) -> Result<()> {
        let file = |name: &str| self.folder.join(name);
        let tokens = format!(
            "{},admin,admin,system:masters\n{},external-secrets,external-secrets,system:masters\n\
             {},controllers,controllers,system:masters\n",
            self.admin_token, self.operator_token, self.controllers_token
        );
        write_private(&file("tokens.csv"), &tokens)?;
        let webhook = format!("http://127.0.0.1:{}/authenticate", self.webhook_port());
        write_private(&file("webhook.json"), &kubeconfig(&json!({"server": webhook}), &json!({})))?;
        // RSA, as in EKS.
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        write_private(&file("service-accounts.key"), &key.serialize_pem())?;
        write_private(&file("service-accounts.pem"), &key.public_key_pem())
    }

    fn kubeconfig_of(&self, token: &str, ca_pem: &Path) -> String {
        let cluster = json!({"server": self.endpoint(), "certificate-authority": ca_pem});
        kubeconfig(&cluster, &json!({"token": token}))
    }
}

/// The text is JSON, which is also YAML.
fn kubeconfig(cluster: &serde_json::Value, user: &serde_json::Value) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CLUSTER, "cluster": cluster}],
        "users": [{"name": CLUSTER, "user": user}],
        "contexts": [{"name": CLUSTER, "context": {"cluster": CLUSTER, "user": CLUSTER}}],
        "current-context": CLUSTER,
    })
    .to_string()
}

fn random_token() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 32)
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut open = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(file)?;
    open.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))
}
