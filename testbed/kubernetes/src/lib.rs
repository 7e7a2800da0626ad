//! A real Kubernetes API with a real External Secrets Operator, as an EKS cluster of the AWS emulator.
//!
//! etcd, the API server, the controller manager and the operator are the original programs, built from Go modules. A webhook
//! with EKS's own verifier checks a token of EKS. The access entries of the emulated EKS define the user. Of the
//! controllers, only the garbage collector runs: it deletes what has lost its owner. There are no nodes: nothing runs in the
//! cluster, and a deleted namespace stays.
//!
//! ```no_run
//! # use std::path::Path;
//! # use std::time::Duration;
//! # use aws::{Aws, Options};
//! # use kubernetes::Kubernetes;
//! # async fn example() -> anyhow::Result<()> {
//! let tools = Path::new("target/testbed");
//! let aws = Aws::start(&Aws::install(tools, &|_| {})?, Path::new("target/aws"), Options::default()).await?;
//! let kubernetes = Kubernetes::start(&Kubernetes::find(tools)?, Path::new("target/cluster"), &aws).await?;
//! kubernetes.create_namespace("payment", &[("tenant", "payment")]).await?;
//! kubernetes.create_secret_store(&aws, "payment", "aws").await?;
//! kubernetes.apply_manifests("kind: ExternalSecret ...").await?;
//! kubernetes.wait_for_secret("payment", "broker", |_| true, Duration::from_secs(10)).await?;
//! # Ok(())
//! # }
//! ```

mod client;
mod custom_resources;
mod installation;
mod layout;
mod listing;
mod manifests;
mod objects;
mod projected_volume;
mod restart;
mod secret_store;
mod tenants;
mod token_reviews;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws::Aws;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use sandbox::certificates::Certificates;
use sandbox::process::{Options, Process};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

pub use self::installation::{ASSETS_VARIABLE, Installation, OPERATOR_VARIABLE};
use self::layout::Layout;
pub use self::layout::OPERATOR_LIMITS;
pub use self::objects::{SecretData, secret_with};
pub use self::projected_volume::ProjectedVolume;
pub use self::secret_store::StoreScope;
pub use self::token_reviews::{TokenReview, TokenUser};

/// The cluster's name in the emulated EKS.
pub const CLUSTER: &str = "testbed";
/// The API server needs 2-3 s on two idle cores, and several times as long during a build.
const READY: Duration = Duration::from_secs(120);

/// A running cluster. All its parts end when dropped.
#[derive(Debug)]
pub struct Kubernetes {
    installation: Installation,
    layout: Layout,
    certificates: Arc<RwLock<Certificates>>,
    // The fields are in the order in which the parts end.
    operator: Mutex<Option<Process>>,
    garbage_collector: Mutex<Option<Process>>,
    api_server: Mutex<Option<Process>>,
    _webhook: Process,
    _etcd: Process,
}

impl Kubernetes {
    /// The programs of a cluster; see [`Installation::find`].
    ///
    /// # Errors
    /// When a program is missing. The message names it and the command that builds it.
    pub fn find(tools: &Path) -> Result<Installation> {
        Installation::find(tools)
    }

    /// Starts a cluster in `folder` and registers it as the EKS cluster [`CLUSTER`] of `aws`, whose Secrets Manager the
    /// operator reads. Returns when all parts answer.
    ///
    /// # Errors
    /// When a part does not start or is not ready in time. The message contains the end of its log.
    pub async fn start(installation: &Installation, folder: &Path, aws: &Aws) -> Result<Self> {
        let layout = Layout::create(folder, aws.endpoint(), aws.region())?;
        let certificates = Certificates::create(&layout.folder.join("tls"))?;
        // The parts start at the same time. Each waits for another where it must.
        let mut etcd = start("etcd", &layout.etcd(installation), &layout)?;
        let mut webhook = start("token-webhook", &layout.webhook(installation), &layout)?;
        let api_server = start("kube-apiserver", &layout.api_server(installation, &certificates), &layout)?;
        let (etcd_port, webhook_port) = (layout.etcd_port(), layout.webhook_port());
        tokio::try_join!(
            etcd.wait_until(READY, || accepts_connections(etcd_port)),
            webhook.wait_until(READY, || accepts_connections(webhook_port)),
        )?;
        let cluster = Self {
            installation: installation.clone(),
            layout,
            certificates: Arc::new(RwLock::new(certificates)),
            operator: Mutex::default(),
            garbage_collector: Mutex::default(),
            api_server: Mutex::new(Some(api_server)),
            _webhook: webhook,
            _etcd: etcd,
        };
        cluster.wait_for_the_api_server().await?;
        let resources = custom_resources::apply(&cluster, &installation.custom_resources);
        tokio::try_join!(resources, cluster.register(aws))?;
        // It looks for kinds of resources at its start, and again only every 30 s.
        cluster.start_garbage_collector().await?;
        cluster.start_operator().await?;
        Ok(cluster)
    }

    /// `https://127.0.0.1:<port>` of the API server.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.layout.endpoint()
    }

    /// The certificate of the authority that a client must trust now.
    #[must_use]
    pub fn ca_pem(&self) -> PathBuf {
        self.certificates().ca_pem()
    }

    /// A client of the API as `system:masters`.
    ///
    /// Each call creates a client: its connections belong to the runtime that created it, and each test has its own.
    ///
    /// # Errors
    /// When the authority's certificate cannot be read.
    pub fn admin(&self) -> Result<Client> {
        self.client_with(&self.layout.admin_token)
    }

    /// A client of the API with this bearer token, such as a token of EKS.
    ///
    /// # Errors
    /// When the authority's certificate cannot be read.
    pub fn client_with(&self, token: &str) -> Result<Client> {
        client::with_token(&self.endpoint(), &self.ca_pem(), token)
    }

    /// kubectl, in the version of the API server.
    #[must_use]
    pub fn kubectl(&self) -> &Path {
        &self.installation.kubectl
    }

    /// Writes a file for `KUBECONFIG` with which kubectl is `system:masters`. It trusts the current authority.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_admin_kubeconfig(&self, file: &Path) -> Result<()> {
        self.write_kubeconfig(file, &self.layout.admin_token)
    }

    /// A token of a service account that is valid for an hour. Without audiences, it is for the API server.
    ///
    /// # Errors
    /// When there is no such account, or the API server refuses.
    pub async fn service_account_token(
        &self,
        namespace: &str,
        account: &str,
        audiences: &[&str],
    ) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin()?, namespace);
        let audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        let spec = TokenRequestSpec { audiences, ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let issued = accounts.create_token_request(account, &PostParams::default(), &request).await?;
        issued.status.map(|status| status.token).with_context(|| format!("no token of {namespace}/{account}"))
    }

    /// Writes a file for `KUBECONFIG` with which kubectl uses this bearer token.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, file: &Path, token: &str) -> Result<()> {
        self.layout.write_kubeconfig(file, token, &self.ca_pem())
    }

    /// The folder of all files of the cluster. etcd's data contains every Secret, and `tokens.csv` the admin's token.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.layout.folder
    }

    /// The log of a part: `etcd`, `kube-apiserver`, `kube-controller-manager`, `token-webhook` or `external-secrets`.
    #[must_use]
    pub fn log(&self, part: &str) -> PathBuf {
        self.layout.log(part)
    }

    /// The issuer of service account tokens. Without `https://`, it is the name of the cluster's OIDC provider in IAM.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.layout.issuer
    }

    async fn register(&self, aws: &Aws) -> Result<()> {
        let path = self.ca_pem();
        let ca = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        aws.put_cluster(CLUSTER, &self.endpoint(), &ca).await?;
        let keys = format!("{}/openid/v1/jwks", self.endpoint());
        let keys = client::get(&path, &keys, &self.layout.admin_token).await?;
        aws.put_cluster_issuer(CLUSTER, &self.layout.issuer, &keys).await
    }

    /// Creates clients of the admin that outlive a borrow of this cluster. They trust the current authority.
    fn clients(&self) -> impl Fn() -> Result<Client> + Send + 'static {
        let certificates = Arc::clone(&self.certificates);
        let (endpoint, token) = (self.endpoint(), self.layout.admin_token.clone());
        move || {
            let ca_pem = certificates.read().unwrap_or_else(PoisonError::into_inner).ca_pem();
            client::with_token(&endpoint, &ca_pem, &token)
        }
    }

    /// The API server's current certificates.
    #[must_use]
    pub fn certificates(&self) -> Certificates {
        self.certificates.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn start(name: &str, command: &std::process::Command, layout: &Layout) -> Result<Process> {
    let options = Options { clean_environment: true, ..Options::default() };
    Process::start_with(name, command, &layout.log(name), options)
}

async fn accepts_connections(port: u16) -> bool {
    TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).await.is_ok()
}
