//! A judge that was started, and everything that ends with it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use aws::Aws;

use super::runs;
use crate::arguments::Arguments;
use crate::cli::Cli;
use crate::manifest::Manifest;
use crate::moto::{self, Moto};
use crate::preflight::{self, Refusal};
use crate::price::Plan;
use crate::probe::Probe;
use crate::run::Run;
use crate::target::{Judge, Target};
use crate::{clock, emulator, rows, stack};

/// The programs that a run starts or deploys.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The probe for this machine, for the emulator.
    pub probe: PathBuf,
    /// The probe as `cargo xtask` builds it for Lambda, with its architecture.
    pub for_lambda: Option<(PathBuf, String)>,
    /// Where the testbed keeps its Python environments.
    pub tools: PathBuf,
}

/// A judge, and the process that plays it.
#[derive(Debug)]
pub struct Session {
    /// The judge.
    pub target: Target,
    // They end when dropped.
    _aws: Option<Aws>,
    _moto: Option<Moto>,
}

/// The folder of a run.
#[must_use]
pub fn folder_of(run: &str) -> PathBuf {
    runs().join(run)
}

impl Session {
    /// Starts a judge and a new run. For an account, only after preflight.
    ///
    /// # Errors
    /// When it cannot be started, or the run is refused.
    pub async fn start(
        judge: Judge,
        arguments: &Arguments,
        programs: &Programs,
        say: &dyn Fn(&str),
    ) -> Result<Self> {
        let part = match judge {
            Judge::Account => "",
            Judge::Emulator => "-emulator",
            Judge::Moto => "-moto",
        };
        let run = Run::start(clock::now(), part, arguments.keep)?;
        say(&format!("\n{}: run {}", judge.name(), run.id()));
        let folder = folder_of(run.id());
        Self::with(judge, arguments, programs, run, &folder, say).await
    }

    /// The judge of an earlier run of an account.
    ///
    /// # Errors
    /// When the account is refused, or the run has another one.
    pub async fn of_run(
        arguments: &Arguments,
        programs: &Programs,
        id: &str,
        say: &dyn Fn(&str),
    ) -> Result<Self> {
        let run = Run::of(id, clock::now(), false)?;
        ensure!(
            arguments.judges() == [Judge::Account],
            "an emulator keeps nothing: its runs need no clean-up"
        );
        let folder = folder_of(run.id());
        if !folder.exists() {
            say("this machine has no manifest of that run: only its tag is searched for");
        }
        let mut session = Self::with(Judge::Account, arguments, programs, run, &folder, say).await?;
        if let Some(found) = stack::find(session.target.cli()?, &session.target.run.prefix()).await? {
            session.target.probe = Some(Probe::new(&session.target.config, stack::outputs(&found)));
        }
        Ok(session)
    }

    async fn with(
        judge: Judge,
        arguments: &Arguments,
        programs: &Programs,
        run: Run,
        folder: &Path,
        say: &dyn Fn(&str),
    ) -> Result<Self> {
        match judge {
            Judge::Account => Self::account(arguments, programs, run, folder, say).await,
            Judge::Emulator => {
                let manifest = Manifest::in_folder(folder)?;
                let aws = emulator::start(&programs.tools, &folder.join("emulator")).await?;
                let target = emulator::target(&aws, run, manifest).await?;
                Ok(Self { target, _aws: Some(aws), _moto: None })
            }
            Judge::Moto => {
                let manifest = Manifest::in_folder(folder)?;
                let moto = moto::start(&moto::install(&programs.tools)?, &folder.join("moto")).await?;
                let target = moto.target(run, manifest).await?;
                Ok(Self { target, _aws: None, _moto: Some(moto) })
            }
        }
    }

    /// The default chain of configuration. Nothing is written before a person has named the account.
    async fn account(
        arguments: &Arguments,
        programs: &Programs,
        run: Run,
        folder: &Path,
        say: &dyn Fn(&str),
    ) -> Result<Self> {
        let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest());
        if let Some(profile) = &arguments.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &arguments.region {
            loader = loader.region(aws_config::Region::new(region.clone()));
        }
        let config = loader.load().await;
        let python = Aws::install(&programs.tools, say)?;
        let home = std::env::temp_dir();
        let cli = Cli::new(python.program("aws"), home, config.clone());
        let dollars = Plan::of(rows::all().len(), arguments.keep).dollars();
        let facts = preflight::look(&cli, &config, dollars).await?;
        for line in preflight::lines(&facts) {
            say(&format!("  {line}"));
        }
        let named = match &arguments.account {
            Some(named) => Some(named.clone()),
            None => preflight::typed()?,
        };
        let is_earlier = arguments.collect.is_some() || arguments.cleanup.is_some();
        let decide = if is_earlier { preflight::decide_on_earlier } else { preflight::decide };
        if let Err(Refusal(why)) = decide(&facts, named.as_deref()) {
            bail!("refused: {why}");
        }
        let manifest = Manifest::in_folder(folder)?;
        let mut target = Target::new(Judge::Account, run, &facts.account, config, manifest)?;
        target.cli = Some(cli);
        target.has_trail = !facts.trails.is_empty();
        target.broker.clone_from(&arguments.broker_id);
        target.cluster.clone_from(&arguments.cluster);
        Ok(Self { target, _aws: None, _moto: None })
    }

    /// Deploys the probe, where the judge has functions.
    ///
    /// # Errors
    /// When it cannot be deployed.
    pub async fn deploy(&mut self, programs: &Programs, say: &dyn Fn(&str)) -> Result<()> {
        let (program, architecture) = match self.target.judge {
            Judge::Moto => return Ok(()),
            Judge::Emulator => (programs.probe.clone(), std::env::consts::ARCH.to_owned()),
            // An endpoint of this machine runs the programs of this machine.
            Judge::Account if self.target.config.endpoint_url().is_some() => {
                (programs.probe.clone(), std::env::consts::ARCH.to_owned())
            }
            Judge::Account => programs.for_lambda.clone().context("the probe was not built for Lambda")?,
        };
        say("  deploying the probe");
        let probe = stack::deploy(&self.target, &program, stack::architecture(&architecture)).await?;
        if self.target.judge == Judge::Emulator {
            self.target.broker = probe.output("BrokerRef").ok().map(str::to_owned);
        }
        self.target.probe = Some(probe);
        Ok(())
    }
}
