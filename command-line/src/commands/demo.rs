//! `demo`: starts a local test environment and shows, step by step, a rotation, a delivery, a failure with its repair,
//! leaked credentials that are cut off with `secops`, a store that runs during rotations, and a store that one deployment
//! creates.

mod delivery;
mod failure;
mod letter;
mod onboard;
mod overdue;
mod rotation;
mod secops;
mod store;

use anyhow::{Context as _, Result};
use serde_json::Value;
use testbed::aws::Options;
use testbed::broker::Suite;
use testbed::cloud::{App, Cloud};

use super::arguments::Scenario;
use super::report::{Report, say};
use super::{Started, functions_beside_this_program};

const USER: &str = "payment";

/// Runs the scenario. Returns whether all checks passed.
pub async fn run(scenario: Scenario, suite: Suite, with_kubernetes: bool) -> Result<bool> {
    let cluster = if with_kubernetes { " and a Kubernetes cluster" } else { "" };
    say(&format!("Starting a local broker, an AWS emulator{cluster} ..."));
    let functions = functions_beside_this_program()?;
    let started = Started::new("demo", suite, functions, with_kubernetes, Options::default()).await?;
    let mut report = Report::default();
    if let Err(error) = show(scenario, &started, &mut report).await {
        report.check("no error stopped the demo", Err(error));
    }
    let held = report.end();
    started.end(!held);
    Ok(held)
}

async fn show(scenario: Scenario, started: &Started, report: &mut Report) -> Result<()> {
    let cloud = &started.cloud;
    report.section("The parts");
    for (part, what) in started.parts()? {
        report.field(part, &what);
    }
    if !matches!(scenario, Scenario::Store | Scenario::Overdue | Scenario::Onboard | Scenario::Secops) {
        one_secret(scenario, cloud, report).await?;
    }
    if matches!(scenario, Scenario::Overdue | Scenario::All | Scenario::Rest) && cloud.kubernetes().is_ok() {
        overdue::show(cloud, report).await?;
    }
    if matches!(scenario, Scenario::Secops | Scenario::All | Scenario::Rest) && cloud.kubernetes().is_ok() {
        secops::show(cloud, report).await?;
    }
    if matches!(scenario, Scenario::Store | Scenario::All | Scenario::Rest) && cloud.kubernetes().is_ok() {
        store::show(cloud, report).await?;
    }
    if matches!(scenario, Scenario::Onboard | Scenario::All | Scenario::Rest) && cloud.kubernetes().is_ok() {
        onboard::show(cloud, report).await?;
    }
    Ok(())
}

async fn one_secret(scenario: Scenario, cloud: &Cloud, report: &mut Report) -> Result<()> {
    let app = create(cloud).await?;
    report.section("The secret and its broker user, as a deployment creates them");
    report.field("name", &format!("rabbitmq/{USER}"));
    report.field("arn", &app.arn);
    report.field("admin secret", "rabbitmq-admin/testbed, which the function only reads");
    report.field("grants", "permission on vhost `/`, topic permission on `amq.topic`, connection limit");
    show_current(cloud, &app, report).await?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    report.check(&format!("`{}` logs in over AMQPS", user_in(&value)), cloud.logs_in(&value).await);
    if matches!(scenario, Scenario::Rotate | Scenario::All) {
        rotation::show(cloud, &app, "First rotation", report).await?;
        rotation::show(cloud, &app, "Second rotation", report).await?;
    }
    if matches!(scenario, Scenario::Deliver | Scenario::All | Scenario::Rest) && cloud.kubernetes().is_ok() {
        delivery::show(cloud, &app, report).await?;
    }
    if matches!(scenario, Scenario::Fail | Scenario::All | Scenario::Rest) {
        failure::show(cloud, &app, report).await?;
    }
    Ok(())
}

/// Creates the user with every kind of grant, so that the later comparison covers all kinds.
async fn create(cloud: &Cloud) -> Result<App> {
    let app = cloud.create_app(USER).await?;
    let management = cloud.broker.management()?;
    management.set_topic_permission(USER, "/", "amq.topic", ["^orders\\.", "^orders\\."]).await?;
    management.set_limit(USER, "max-connections", 100).await?;
    Ok(app)
}

async fn show_current(cloud: &Cloud, app: &App, report: &Report) -> Result<()> {
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    let version = cloud.version(&app.arn, "AWSCURRENT").await?.context("no version is AWSCURRENT")?;
    report.field("AWSCURRENT", &format!("version {version}, user `{}`", user_in(&value)));
    Ok(())
}

/// The user that a secret's value names.
fn user_in(value: &Value) -> &str {
    value["username"].as_str().unwrap_or("?")
}

/// Whether the dead-letter queue has never received a message.
async fn queue_is_empty(cloud: &Cloud) -> Result<bool> {
    Ok(cloud.notices.all().await?.is_empty())
}
