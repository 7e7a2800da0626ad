//! The whole private cloud: a broker, the AWS emulator, an EKS cluster, and the suite deployed from `infra/`.

mod alerts;
mod app;
mod broker_users;
mod dead_letter_queue;
mod delivery;
mod functions;
mod invoke;
mod local_function;
mod notices;
mod roles;
mod variant;
mod volume_client;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws::{Aws, Options, Python, Stack};
use aws_sdk_secretsmanager::types::Tag;
use broker::{Broker, Installation, Suite};
use kubernetes::{CLUSTER, Kubernetes};
use sandbox::certificates::Certificates;
use serde_json::json;

use self::variant::INSPECTIONS;

pub use alerts::Alerts;
pub use app::{App, random_text};
pub use dead_letter_queue::DeadLetterQueue;
pub use delivery::route_to;
pub use functions::{Functions, freeze_function, kill_function, processes_of};
pub use invoke::Answer;
pub use local_function::{EventSubject, write_events};
pub use notices::{Inbox, Notices};
pub use roles::Session;
pub use sandbox::workspace;
pub use variant::{Release, Variant};
pub use volume_client::VolumeClient;

/// The stack's name.
pub const STACK: &str = "rotation";

/// The installed parts that a cloud needs.
#[derive(Debug, Clone)]
pub struct Parts {
    python: Python,
    broker: Installation,
    kubernetes: Option<kubernetes::Installation>,
    functions: Functions,
}

/// A running cloud. All its parts end when dropped.
pub struct Cloud {
    /// The RabbitMQ node.
    pub broker: Broker,
    kubernetes: Option<Kubernetes>,
    /// The AWS emulator.
    pub aws: Aws,
    /// The stack of `infra/template.yaml`.
    pub stack: Stack,
    /// The node's broker id in Amazon MQ.
    pub broker_id: String,
    /// ARN of the secret of the node's administrator.
    pub admin_secret: String,
    /// Secrets Manager, as the account's root user.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Lambda, as the account's root user.
    pub lambda: aws_sdk_lambda::Client,
    iam: aws_sdk_iam::Client,
    sts: aws_sdk_sts::Client,
    /// The messages of the dead-letter topic.
    pub notices: Notices,
    /// The alerts that SecOps receives.
    pub alerts: Alerts,
    /// The broker's certificates.
    pub certificates: Certificates,
    folder: PathBuf,
    functions: Functions,
}

impl Parts {
    /// Installs missing parts below `target/testbed`, except Kubernetes, which `cargo xtask` builds.
    ///
    /// # Errors
    /// When a part cannot be installed or found.
    pub fn install(
        suite: Suite,
        functions: Functions,
        with_kubernetes: bool,
        progress: &dyn Fn(&str),
    ) -> Result<Self> {
        let tools = workspace().join("target/testbed");
        Ok(Self {
            python: Aws::install(&tools, progress)?,
            broker: Broker::install(suite, &tools, progress)?,
            kubernetes: if with_kubernetes { Some(Kubernetes::find(&tools)?) } else { None },
            functions,
        })
    }
}

impl Cloud {
    /// Starts the broker, the AWS emulator and the cluster in parallel in `folder`. Then deploys the suite with further
    /// `parameters` of the template.
    ///
    /// # Errors
    /// When a part does not start or the stack cannot be deployed. The message contains the end of its log.
    pub async fn start(
        parts: &Parts,
        folder: &Path,
        options: Options,
        parameters: &[(&str, &str)],
    ) -> Result<Self> {
        let certificates = Certificates::create(&folder.join("tls"))?;
        let (broker_folder, aws_folder) = (folder.join("broker"), folder.join("aws"));
        let (broker, (aws, kubernetes)) =
            tokio::try_join!(Broker::start(&parts.broker, &broker_folder, &certificates), async {
                let aws = Aws::start(&parts.python, &aws_folder, options).await?;
                let kubernetes = match &parts.kubernetes {
                    Some(found) => Some(Kubernetes::start(found, &folder.join("cluster"), &aws).await?),
                    None => None,
                };
                Ok((aws, kubernetes))
            })?;
        let ca = certificates.ca_pem().display().to_string();
        // A reconcile in the middle of a test would do what the test does.
        let never = ("ReconcileSchedule", "rate(365 days)");
        let mut wanted =
            vec![("Architecture", "x86_64"), ("BrokerCaBundle", ca.as_str()), never, INSPECTIONS];
        wanted.extend(parameters);
        if let Some(cluster) = &kubernetes {
            delivery::let_secret2eks_in(cluster).await?;
            wanted.extend([
                ("EksClusterName", CLUSTER),
                ("SyncTimeoutSeconds", delivery::SYNC_TIMEOUT_SECONDS),
                ("TakeBackLimit", delivery::TAKE_BACK_LIMIT),
            ]);
        }
        let template = workspace().join("infra/template.yaml");
        let stack = aws.deploy(STACK, &template, &wanted, &parts.functions.artifacts()).await?;
        let amqps = format!("amqps://localhost:{}", broker.amqps_port());
        let broker_id = aws.create_broker("testbed", &broker.management_url(), &amqps).await?;
        let config = aws.sdk_config().await;
        let secrets = aws_sdk_secretsmanager::Client::new(&config);
        let admin_secret = create_admin_secret(&secrets, &broker, &broker_id).await?;
        let notices = Notices::of(&config, stack.output("DeadLetterTopicArn")?, STACK).await?;
        let alerts = Alerts::of(&config, &stack, STACK).await?;
        let lambda = aws_sdk_lambda::Client::new(&config);
        let (iam, sts) = (aws_sdk_iam::Client::new(&config), aws_sdk_sts::Client::new(&config));
        let folder = folder.to_owned();
        let cloud = Self {
            broker,
            kubernetes,
            aws,
            stack,
            broker_id,
            admin_secret,
            secrets,
            lambda,
            iam,
            sts,
            notices,
            alerts,
            certificates,
            folder,
            functions: parts.functions.clone(),
        };
        cloud.let_broker_user_answer(&cloud.stack).await?;
        Ok(cloud)
    }

    /// The folder of all files that the cloud wrote, for a search for leaked credentials.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The functions' programs.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// ARN of rotation-mq.
    ///
    /// # Errors
    /// When the template has no such output.
    pub fn rotation_function(&self) -> Result<&str> {
        self.stack.output("RotationFunctionArn")
    }

    /// Name of the function that acts in an incident.
    ///
    /// # Errors
    /// When the template has no such output.
    pub fn incident_function(&self) -> Result<&str> {
        self.stack.output("IncidentFunctionName")
    }

    /// Name of the function that only looks.
    ///
    /// # Errors
    /// When the template has no such output.
    pub fn inspect_function(&self) -> Result<&str> {
        self.stack.output("InspectFunctionName")
    }
}

/// A tag for Secrets Manager.
#[must_use]
pub fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

async fn create_admin_secret(
    secrets: &aws_sdk_secretsmanager::Client,
    broker: &Broker,
    broker_id: &str,
) -> Result<String> {
    let value = json!({
        "engine": "rabbitmq", "brokerId": broker_id,
        "username": broker.admin_user(), "password": broker.admin_password(),
    });
    let created = secrets
        .create_secret()
        .name("rabbitmq-admin/testbed")
        .secret_string(value.to_string())
        .tags(tag("rotation-mq", "admin"))
        .send()
        .await
        .context("the admin secret was not created")?;
    created.arn.context("the admin secret has no ARN")
}
