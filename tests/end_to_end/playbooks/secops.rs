//! The commands of `secops` in the pages. Each is run with the program, against the deployed stack, and what it promises is
//! checked.

mod subject;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud, on_the_cluster};
use serde_json::{Value, json};
use testbed::aws::RotationOptions;
use testbed::cloud::{App, Cloud, tag, workspace};
use testbed::playbook::secops_commands;

use self::subject::Subject;
use super::sentences::delivered_app;
use crate::access::{Watch, read, reader, trace};

/// The pages with commands of `secops`. Each has its test here.
const RUN: [&str; 11] = [
    "admin-locked-out.md",
    "broker-lost.md",
    "delivery-failing.md",
    "leaked-credential.md",
    "out-of-use.md",
    "roll-back.md",
    "rotation-failing.md",
    "secret-due.md",
    "stuck-or-stale-pending-version.md",
    "unexpected-access.md",
    "when-nothing-works.md",
];

#[test]
fn there_is_no_command_of_secops_in_a_page_that_no_test_runs() -> Result<()> {
    let mut pages = Vec::new();
    for page in std::fs::read_dir(workspace().join("infra/playbooks"))? {
        let page = page?;
        if !secops_commands(&std::fs::read_to_string(page.path())?).is_empty() {
            pages.push(page.file_name().to_string_lossy().into_owned());
        }
    }
    pages.sort();
    ensure!(pages == RUN, "each page with a command of secops needs its test here: {pages:?}");
    Ok(())
}

/// An application that has rotated twice, so that it has a version to go back to.
async fn app(cloud: &Cloud) -> Result<App> {
    let app = cloud.create_app(&name("secops-page")).await?;
    cloud.rotate_successfully(&app.arn).await?;
    cloud.rotate_successfully(&app.arn).await?;
    Ok(app)
}

/// Runs every command of a page.
async fn run(cloud: &'static Cloud, page: &str, app: App) -> Result<()> {
    run_all(Subject::open(cloud, page, app)?).await
}

async fn run_all(mut subject: Subject) -> Result<()> {
    while let Some(command) = subject.next() {
        subject.run(&command).await.with_context(|| command.to_string())?;
    }
    Ok(())
}

#[test]
fn leaked_credentials_are_cut_off_by_the_command_of_the_page() -> Result<()> {
    on_the_cloud(async |cloud| run(cloud, "leaked-credential.md", app(cloud).await?).await)
}

#[test]
fn the_previous_version_comes_back_by_the_command_of_the_page() -> Result<()> {
    on_the_cloud(async |cloud| run(cloud, "roll-back.md", app(cloud).await?).await)
}

#[test]
fn the_commands_about_a_failed_rotation_are_run() -> Result<()> {
    on_the_cloud(async |cloud| run(cloud, "rotation-failing.md", app(cloud).await?).await)
}

#[test]
fn the_commands_about_a_failed_delivery_are_run() -> Result<()> {
    on_the_cluster(async |cloud| {
        let app = delivered_app(cloud, &name("secops-delivery")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        run(cloud, "delivery-failing.md", app).await
    })
}

#[test]
fn the_commands_about_a_pending_version_are_run() -> Result<()> {
    on_the_cloud(async |cloud| run(cloud, "stuck-or-stale-pending-version.md", app(cloud).await?).await)
}

#[test]
fn the_commands_about_a_locked_out_admin_are_run() -> Result<()> {
    on_the_cloud(async |cloud| run(cloud, "admin-locked-out.md", app(cloud).await?).await)
}

#[test]
fn the_commands_about_a_lost_broker_are_run() -> Result<()> {
    on_the_cloud(async |cloud| run(cloud, "broker-lost.md", app(cloud).await?).await)
}

#[test]
fn the_commands_about_what_goes_out_of_use_are_run() -> Result<()> {
    on_the_cloud(async |cloud| run(cloud, "out-of-use.md", app(cloud).await?).await)
}

#[test]
fn the_commands_about_the_day_when_nothing_works_are_run() -> Result<()> {
    on_the_cloud(async |cloud| run(cloud, "when-nothing-works.md", app(cloud).await?).await)
}

#[test]
fn the_commands_about_a_secret_that_is_due_are_run() -> Result<()> {
    on_the_cloud(async |cloud| {
        let partner = format!("partner/{}", name("secops-due"));
        let tags = [("rotation-watch/max-age-days", "1"), ("rotation-watch/owner", "partners")];
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
        let create = cloud.secrets.create_secret().name(&partner).secret_string(json!({}).to_string());
        create.set_tags(Some(tags)).send().await?;
        let mut subject = Subject::open(cloud, "secret-due.md", app(cloud).await?)?;
        subject.due = Some(partner);
        run_all(subject).await
    })
}

#[test]
fn an_incident_of_access_is_closed_by_the_command_of_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let watch = Watch::deploy(cloud, "access-secops", &name("store"), &[]).await?;
        let app = cloud.create_app(&watch.name_of("app")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let (arn, secret) = (app.arn.clone(), format!("rabbitmq/{}", app.user));
        trace(cloud, &secret, RotationOptions::default()).await?;
        read(&reader(cloud, "secops-stranger").await?, &secret).await?;
        watch.path.alerts.wait_for(&arn, 1).await?;
        let mut subject = Subject::open(cloud, "unexpected-access.md", app)?;
        subject.stack.clone_from(&watch.path.variant.name);
        run_all(subject).await?;
        let is_closed = |alert: &Value| {
            alert["metadata"]["eventType"] == "incident.closed" && alert.to_string().contains("ticket")
        };
        watch.path.alerts.wait_until(1, is_closed).await?;
        Ok(())
    })
}
