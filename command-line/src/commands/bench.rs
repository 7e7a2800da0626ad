//! `bench`: measures what the functions cost with the release builds. If an aim is not met, it shows that and does not
//! fail.

use anyhow::{Context as _, Result, bail};
use bench::{Calls, Figures, Machine, Plan, Programs, Release, Shares, Storm, Tenants, Watched};
use testbed::aws::Options;
use testbed::broker::Suite;
use testbed::cloud::{Cloud, Functions};

use super::Started;
use super::arguments::Bench;
use super::report::{complain, say};

/// Above this part of a core, other programs make a difference.
const BUSY_PERCENT: u32 = 10;

/// Measures, prints the results, and writes the report if it is wanted.
pub async fn run(wanted: &Bench) -> Result<bool> {
    let (release, suite) = (Release::find()?, Suite::from_environment()?);
    let shares = Shares::find();
    if let Err(why) = &shares {
        complain(&format!("no share of a core, so only whole cores are measured: {why:#}"));
    }
    let busy_percent = bench::busy_percent().await?;
    if busy_percent > BUSY_PERCENT {
        complain(&format!("other programs use {busy_percent} % of a core, so the times will be longer"));
    }
    let plan = Plan {
        rotations: wanted.rotations.into(),
        starts: wanted.starts.into(),
        shares: shares.as_ref().ok(),
    };

    let machine = |started: &Started| {
        let place = shares.as_ref().map_err(|why| format!("{why:#}"));
        bench::machine(place, busy_percent, started.cloud.broker.version(), &wanted.command())
    };
    if wanted.tenants > 0 {
        return tenants(suite, &release, &plan, wanted, machine).await;
    }

    complain("starting a local broker and an AWS emulator");
    let started = start(suite, &release, false).await?;
    let mut figures = measure(&started.cloud, &release, &plan, machine(&started)).await?;
    let watched = match wanted.secrets {
        0 => None,
        secrets => {
            complain(&format!("{secrets} secrets for rotation-watch"));
            Some(Watched::measure(&started.cloud, secrets.into(), complain).await?)
        }
    };
    if wanted.storm > 0 && !wanted.kubernetes {
        figures.storm = Some(storm(&started.cloud, wanted.storm.into()).await?);
    }
    started.end(false);
    if wanted.kubernetes {
        with_a_cluster(&mut figures, suite, &release, &plan, wanted).await?;
    }

    say(&bench::screen(&figures));
    if let Some(watched) = watched {
        say(&watched.line());
    }
    if wanted.report {
        figures.tenants = committed_tenants();
        write(figures).await?;
    }
    Ok(true)
}

/// Measures many secrets of customers, and nothing else. In the report, only this part is replaced.
async fn tenants(
    suite: Suite,
    release: &Release,
    plan: &Plan<'_>,
    wanted: &Bench,
    machine: impl Fn(&Started) -> Machine,
) -> Result<bool> {
    // An hour later would be too late to find out.
    let report = match Figures::read()? {
        Some(figures) => Some(figures),
        None if wanted.report => bail!("there is no report yet: run `cargo xtask bench --report` first"),
        None => None,
    };
    complain("starting a local broker, an AWS emulator and a Kubernetes cluster");
    let started = start(suite, release, true).await?;
    let (machine, secrets) = (machine(&started), usize::from(wanted.tenants));
    complain(&format!("{secrets} secrets of customers"));
    let measured = Tenants::measure(&started.cloud, release, plan, machine, secrets, complain).await?;
    started.end(false);
    say(&measured.screen());
    if let Some(figures) = report.filter(|_| wanted.report) {
        write(Figures { tenants: Some(measured), ..figures }).await?;
    }
    Ok(true)
}

/// Many secrets are measured by a run of their own. Their figures stay in the report.
fn committed_tenants() -> Option<Tenants> {
    match Figures::read() {
        Ok(figures) => figures?.tenants,
        Err(error) => {
            complain(&format!("the report is written without `--tenants`: {error:#}"));
            None
        }
    }
}

async fn write(figures: Figures) -> Result<()> {
    let files = tokio::task::spawn_blocking(move || bench::write(&figures)).await??;
    say(&format!("written: {}", files.join(", ")));
    Ok(())
}

async fn start(suite: Suite, release: &Release, with_kubernetes: bool) -> Result<Started> {
    let functions = Functions::packaged_in(release.folder())?;
    Started::new("bench", suite, functions, with_kubernetes, Options::default()).await
}

/// Everything that needs no cluster.
async fn measure(cloud: &Cloud, release: &Release, plan: &Plan<'_>, machine: Machine) -> Result<Figures> {
    let programs = Programs::of(cloud, release).await?;
    complain(&format!("{} cold starts of each function", plan.starts));
    let cold_starts = bench::cold_starts(&programs.all(), plan.starts).await?;
    complain("rotation-watch");
    let mut others = bench::measure_watch(cloud, &programs.rotation_watch, plan).await?;
    complain(&format!("{} rotations of each kind", plan.rotations));
    let rotations = bench::measure_rotations(cloud, &programs.rotating(), plan, complain).await?;
    complain("counting the calls of one rotation");
    let calls = Calls::count(cloud).await?;
    complain("dlq-handler");
    others.extend(bench::measure_handler(cloud, &programs.dlq_handler, plan).await?);
    let zip_bytes = release.zip_bytes;
    Ok(Figures {
        machine,
        cold_starts,
        rotations,
        calls,
        zip_bytes,
        others,
        delivery: None,
        storm: None,
        tenants: None,
    })
}

/// Adds what needs a cluster. This environment is a separate one, because with a cluster a rotation makes one more call.
async fn with_a_cluster(
    figures: &mut Figures,
    suite: Suite,
    release: &Release,
    plan: &Plan<'_>,
    wanted: &Bench,
) -> Result<()> {
    complain("starting a local broker, an AWS emulator and a Kubernetes cluster");
    let started = start(suite, release, true).await?;
    complain(&format!("{} ways into the cluster", plan.rotations));
    let (delivery, alone) = bench::measure_delivery(&started.cloud, release, plan, complain).await?;
    figures.delivery = Some(delivery);
    figures.others.extend(alone);
    if wanted.storm > 0 {
        figures.storm = Some(storm(&started.cloud, wanted.storm.into()).await?);
    }
    started.end(false);
    Ok(())
}

async fn storm(cloud: &Cloud, secrets: usize) -> Result<String> {
    complain(&format!("a storm of {secrets} rotations"));
    let storm = Storm::measure(cloud, secrets, complain).await.context("the storm did not end")?;
    Ok(storm.markdown())
}
