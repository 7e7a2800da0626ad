//! Who is asked: SDK clients of one judge, the run, and what the run may use there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::Tag;

use crate::cli::Cli;
use crate::clock;
use crate::manifest::{Entry, Kind, Manifest};
use crate::probe::Probe;
use crate::run::Run;
use crate::secret::{FIRST, Secret};

/// A judge of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Judge {
    /// A real account, by the default chain of configuration
    Account,
    /// The emulator in testbed/aws, without its control endpoints
    Emulator,
    /// The server of moto, an emulator by other people
    Moto,
}

impl Judge {
    /// All judges, in the order of the page's columns.
    pub const ALL: [Self; 3] = [Self::Account, Self::Emulator, Self::Moto];

    /// Its name in arguments and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Emulator => "emulator",
            Self::Moto => "moto",
        }
    }
}

/// How long to wait, and how often to ask.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Waits for something that must happen.
    pub limit: Duration,
    /// Waits for an event of CloudTrail, which AWS delivers late.
    pub event_limit: Duration,
    /// The pause between two questions.
    pub poll: Duration,
    /// How long nothing must happen, so that a row says "no further".
    pub quiet: Duration,
}

impl Pace {
    /// For an emulator on this machine.
    pub const LOCAL: Self = Self {
        limit: Duration::from_secs(20),
        event_limit: Duration::from_secs(20),
        poll: Duration::from_millis(50),
        quiet: Duration::from_millis(1500),
    };
    /// For AWS. An asynchronous event is tried again after a minute, and CloudTrail takes some minutes.
    pub const AWS: Self = Self {
        limit: Duration::from_mins(4),
        event_limit: Duration::from_mins(10),
        poll: Duration::from_secs(2),
        quiet: Duration::from_secs(40),
    };
}

/// The judge of a run.
#[derive(Debug)]
pub struct Target {
    /// Who it is.
    pub judge: Judge,
    /// The run.
    pub run: Run,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The identity of the caller.
    pub config: SdkConfig,
    /// Secrets Manager.
    pub secrets: Client,
    /// How long to wait.
    pub pace: Pace,
    /// What the run creates.
    pub manifest: Manifest,
    /// The AWS CLI; `None` where only Secrets Manager is played.
    pub cli: Option<Cli>,
    /// The deployed probe, if there is one.
    pub probe: Option<Probe>,
    /// A broker to look at.
    pub broker: Option<String>,
    /// A cluster to look at.
    pub cluster: Option<String>,
    /// Whether a trail logs management events, so that calls are events.
    pub has_trail: bool,
}

impl Target {
    /// A judge that is asked with this configuration, at first without a probe.
    ///
    /// # Errors
    /// When the configuration has no region.
    pub fn new(judge: Judge, run: Run, account: &str, config: SdkConfig, manifest: Manifest) -> Result<Self> {
        let region = config.region().context("no region: give --region")?.to_string();
        let pace =
            if judge == Judge::Account && config.endpoint_url().is_none() { Pace::AWS } else { Pace::LOCAL };
        Ok(Self {
            judge,
            run,
            account: account.to_owned(),
            region,
            secrets: Client::new(&config),
            config,
            pace,
            manifest,
            cli: None,
            probe: None,
            broker: None,
            cluster: None,
            has_trail: false,
        })
    }

    /// A new name below the run's prefix.
    #[must_use]
    pub fn name(&self, part: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        format!("{}/{part}-{}", self.run.prefix(), NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The tags of a secret of this run. The probe may use a secret with the tag `probe`.
    #[must_use]
    pub fn secret_tags(&self) -> Vec<Tag> {
        self.tags_with("probe")
    }

    /// The run's tags and one more, with the value `allowed`.
    #[must_use]
    pub fn tags_with(&self, more: &str) -> Vec<Tag> {
        let own = self.run.tags().into_iter().chain([(more, "allowed".to_owned())]);
        own.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
    }

    /// The line of the manifest for a new resource.
    #[must_use]
    pub fn entry(&self, kind: Kind, name: &str) -> Entry {
        let (account, region) = (self.account.clone(), self.region.clone());
        Entry { kind, name: name.to_owned(), account, region, at: clock::now().to_string() }
    }

    /// A new secret with a first value.
    ///
    /// # Errors
    /// When it cannot be created.
    pub async fn secret(&self, part: &str) -> Result<Secret<'_>> {
        self.secret_with(part, self.secret_tags(), None).await
    }

    /// As [`Target::secret`], with these tags and a key of a customer.
    ///
    /// # Errors
    /// When it cannot be created.
    pub async fn secret_with(&self, part: &str, tags: Vec<Tag>, key: Option<&str>) -> Result<Secret<'_>> {
        let name = self.name(part);
        let create = self.secrets.create_secret().name(&name).secret_string(FIRST);
        let create = create.set_tags(Some(tags)).set_kms_key_id(key.map(str::to_owned));
        let entry = self.entry(Kind::Secret, &name);
        let created = self.manifest.before(&entry, async { Ok(create.send().await?) }).await?;
        let (arn, first) = (created.arn.context("no ARN")?, created.version_id.context("no version")?);
        Ok(Secret { target: self, arn, name, first })
    }

    /// The probe.
    ///
    /// # Errors
    /// When none is deployed.
    pub fn probe(&self) -> Result<&Probe> {
        self.probe.as_ref().context("no probe is deployed")
    }

    /// The AWS CLI.
    ///
    /// # Errors
    /// When this judge has none.
    pub fn cli(&self) -> Result<&Cli> {
        self.cli.as_ref().context("the AWS CLI is not used with this judge")
    }

    /// Repeats a question until it has an answer.
    ///
    /// # Errors
    /// When it has none in time.
    pub async fn eventually<T>(&self, what: &str, ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
        self.within(self.pace.limit, what, ask).await
    }

    /// As [`Target::eventually`], with a limit of its own.
    ///
    /// # Errors
    /// When there is no answer in time.
    pub async fn within<T>(
        &self,
        limit: Duration,
        what: &str,
        mut ask: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let started = Instant::now();
        loop {
            if let Some(found) = ask().await? {
                return Ok(found);
            }
            if started.elapsed() > limit {
                bail!("waited {} s in vain for {what}", limit.as_secs());
            }
            tokio::time::sleep(self.pace.poll).await;
        }
    }
}
