//! Credentials leak. The incident from the first look to the proof, with nothing but `secops`, while an application stays
//! connected.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;
use testbed::cloud::{App, Cloud, STACK, VolumeClient, route_to};
use testbed::kubernetes::ProjectedVolume;

use super::user_in;
use crate::commands::report::{Report, duration, say};
use crate::commands::secops_beside_this_program;

const USER: &str = "ledger";
const SECRET: &str = "rabbitmq/ledger";
const NAMESPACE: &str = "ledger";
const NAME: &str = "ledger-broker";
const LIMIT: Duration = Duration::from_secs(60);
/// The lines of a playbook that are shown.
const LINES: usize = 14;

/// Tells the story.
pub async fn show(cloud: &Cloud, report: &mut Report) -> Result<()> {
    report.section("Credentials leaked: an incident with nothing but `secops`");
    let app = create(cloud).await?;
    let volume =
        ProjectedVolume::project(cloud.kubernetes()?, NAMESPACE, NAME, &cloud.folder().join("ledger"))
            .await?;
    let mut client = VolumeClient::connect(&cloud.broker, volume.folder()).await?;
    let leaked = cloud.value(&app.arn, "AWSCURRENT").await?;
    report.field("secret", SECRET);
    report.field("application", &format!("connected as `{}`, from a mounted Secret", client.user()));
    report.check(&format!("the leaked login of `{}` works", user_in(&leaked)), cloud.logs_in(&leaked).await);

    look(cloud, "What is the state?", &["status", SECRET], report).await?;
    look(cloud, "What does the playbook say?", &["explain", "leaked-credential"], report).await?;
    cut_off(cloud, &app, &leaked, &mut client, report).await?;
    look(cloud, "Who is connected now?", &["inspect", SECRET], report).await?;
    look(cloud, "Which incidents are open?", &["incidents"], report).await
}

async fn create(cloud: &Cloud) -> Result<App> {
    let app = cloud.create_app(USER).await?;
    cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, NAMESPACE, &[]).await?;
    cloud.set_tags(&app.arn, &route_to(NAMESPACE, NAME)).await?;
    cloud.rotate_successfully(&app.arn).await?;
    let version = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is AWSCURRENT")?;
    cloud.wait_for_tag(&app.arn, "secret2eks/delivered", &version, LIMIT).await?;
    Ok(app)
}

/// Cuts the version off that is AWSCURRENT.
async fn cut_off(
    cloud: &Cloud,
    app: &App,
    leaked: &Value,
    client: &mut VolumeClient,
    report: &mut Report,
) -> Result<()> {
    report.section("Cut it off");
    let began = Instant::now();
    let words = ["--yes", "revoke", SECRET, "--reason", "the demo's ticket"];
    let revoked = secops(cloud, &words, usize::MAX).await?;
    report.field("all of it", &format!("{:>8}", duration(began.elapsed())));
    report.check("`secops revoke` ends with the exit code 0", Ok(revoked.status.code() == Some(0)));
    let refused = cloud.logs_in(leaked).await.map(|logs_in| !logs_in);
    report.check(&format!("the broker refuses the leaked login of `{}`", user_in(leaked)), refused);
    let now = cloud.value(&app.arn, "AWSCURRENT").await?;
    report.check(&format!("the new login of `{}` works", user_in(&now)), cloud.logs_in(&now).await);
    let moved = client.user() == user_in(&now);
    report.check(&format!("the application is connected as `{}`", client.user()), Ok(moved));
    let text =
        [&revoked.stdout, &revoked.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    let passwords = [leaked, &now].map(|value| value["password"].as_str().unwrap_or("?").to_owned());
    let is_shown = passwords.iter().any(|password| text.contains(password));
    report.check("no password was shown", Ok(!is_shown));
    Ok(())
}

/// Runs a command that only looks. It ends with 1 if something needs a person.
async fn look(cloud: &Cloud, title: &str, words: &[&str], report: &mut Report) -> Result<()> {
    report.section(title);
    let ended = secops(cloud, words, LINES).await?;
    let is_well = ended.status.code().is_some_and(|code| code <= 1);
    report.check(&format!("`secops {}` has answered", words.join(" ")), Ok(is_well));
    Ok(())
}

/// Runs a command, and shows the beginning of what it prints.
async fn secops(cloud: &Cloud, words: &[&str], lines: usize) -> Result<Output> {
    say(&format!("    $ secops {}", words.join(" ")));
    let mut command = Command::new(secops_beside_this_program()?);
    for (variable, value) in cloud.aws.cli().get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    command.env("XDG_STATE_HOME", cloud.folder().join("secops-state"));
    command.args(["--stack", STACK]).args(words);
    let ended =
        tokio::task::spawn_blocking(move || command.output()).await?.context("secops was not started")?;
    let text =
        [&ended.stderr, &ended.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    for line in text.lines().take(lines) {
        say(&format!("    {line}"));
    }
    if text.lines().count() > lines {
        say("    ...");
    }
    Ok(ended)
}
