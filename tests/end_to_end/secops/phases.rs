//! `secops revoke` is interrupted in each of its phases, and the same command continues.

use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::Value;
use testbed::cloud::{App, Cloud};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use super::program::program;
use super::terminal::Terminal;
use crate::support::current_logs_in;

/// An application whose current version leaked, and the command about it.
struct Scene {
    cloud: &'static Cloud,
    app: App,
    leaked: Value,
    state: std::path::PathBuf,
}

impl Scene {
    async fn of(cloud: &'static Cloud, app: App) -> Result<Self> {
        // The first rotation sets the function that rotates the secret.
        cloud.rotate_successfully(&app.arn).await?;
        let leaked = cloud.value(&app.arn, "AWSCURRENT").await?;
        Ok(Self { cloud, app, leaked, state: cloud.folder().join(name("revoke-state")) })
    }

    async fn make(cloud: &'static Cloud, prefix: &str) -> Result<Self> {
        Self::of(cloud, cloud.create_app(&name(prefix)).await?).await
    }

    fn leaked_user(&self) -> &str {
        self.leaked["username"].as_str().unwrap_or_default()
    }

    fn command(&self) -> Result<Command> {
        let mut command = program(self.cloud)?;
        command.env("XDG_STATE_HOME", &self.state);
        command.args(["revoke", &self.app.arn, "--reason", "a test's ticket"]);
        Ok(command)
    }

    /// Starts the command, and says yes.
    async fn begin(&self) -> Result<Terminal> {
        let mut terminal = Terminal::start(&self.command()?, 80)?;
        terminal.shows("Continue? [y/N]").await?;
        terminal.types("y\r")?;
        Ok(terminal)
    }

    /// Presses Ctrl-C. The program says that the leaked version still works, or not, and how to continue.
    async fn interrupt(&self, terminal: &mut Terminal, still: bool) -> Result<()> {
        let code = terminal.interrupt().await?;
        let text = terminal.text();
        ensure!(code == 130, "{code}: {text}");
        ensure!(text.contains("Interrupted.") && text.contains("To continue: secops"), "{text}");
        ensure!(text.contains("STILL LOGS IN") == still, "{text}");
        ensure!(!text.contains(self.leaked["password"].as_str().unwrap_or("?")), "a password is shown");
        Ok(())
    }

    /// Repeats the same command to its end.
    async fn continues(&self) -> Result<()> {
        let mut terminal = self.begin().await?;
        let code = terminal.ends().await?;
        let text = terminal.text();
        ensure!(code == 0 && text.contains("Done:"), "{code}: {text}");
        self.is_over().await.with_context(|| text)
    }

    async fn is_over(&self) -> Result<()> {
        ensure!(!self.cloud.logs_in(&self.leaked).await?, "the leaked login works");
        current_logs_in(self.cloud, &self.app.arn).await
    }
}

#[test]
fn interrupted_at_the_question_nothing_was_done() -> Result<()> {
    on_the_cloud(async |cloud| {
        let scene = Scene::make(cloud, "phase-question").await?;
        let before = cloud.version(&scene.app.arn, "AWSCURRENT").await?;
        let mut terminal = Terminal::start(&scene.command()?, 80)?;
        terminal.shows("Continue? [y/N]").await?;
        let code = terminal.interrupt().await?;
        ensure!(code == 130 && terminal.text().contains("nothing was changed"), "{}", terminal.text());
        let mut terminal = Terminal::start(&scene.command()?, 80)?;
        terminal.shows("Continue? [y/N]").await?;
        terminal.types("n\r")?;
        ensure!(terminal.ends().await? == 1, "{}", terminal.text());
        ensure!(cloud.version(&scene.app.arn, "AWSCURRENT").await? == before, "it was rotated");
        scene.continues().await
    })
}

#[test]
fn interrupted_during_the_rotation_the_same_command_joins_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let scene = Scene::make(cloud, "phase-rotation").await?;
        // Secrets Manager makes the version, and runs no step yet.
        let pending = cloud.begin_rotation(&scene.app.arn).await?;
        let mut terminal = scene.begin().await?;
        terminal.shows("joined").await?;
        terminal.shows("is AWSPENDING").await?;
        scene.interrupt(&mut terminal, true).await?;
        cloud.steps(&scene.app.arn, &pending).await?;
        scene.continues().await
    })
}

#[test]
fn interrupted_while_the_cluster_has_the_leaked_version_the_same_command_waits_again() -> Result<()> {
    on_the_cloud(async |cloud| {
        let scene = Scene::make(cloud, "phase-delivery").await?;
        // Another cluster, which does not exist: no receipt is written, and nothing fails.
        let tags =
            [("secret2eks/namespace", "shop"), ("secret2eks/name", "x"), ("secret2eks/cluster", "elsewhere")];
        let before = cloud.version(&scene.app.arn, "AWSCURRENT").await?.unwrap_or_default();
        cloud.set_tags(&scene.app.arn, &tags).await?;
        cloud.set_tags(&scene.app.arn, &[("secret2eks/delivered", &before)]).await?;
        let mut terminal = scene.begin().await?;
        terminal.shows("the delivery to the cluster").await?;
        scene.interrupt(&mut terminal, true).await?;
        let current = cloud.version(&scene.app.arn, "AWSCURRENT").await?.unwrap_or_default();
        ensure!(current != before, "it was not rotated");
        cloud.set_tags(&scene.app.arn, &[("secret2eks/delivered", &current)]).await?;
        scene.continues().await?;
        let still = cloud.version(&scene.app.arn, "AWSCURRENT").await?;
        ensure!(still.as_ref() == Some(&current), "the repeated command has rotated once more");
        Ok(())
    })
}

#[test]
fn interrupted_while_clients_move_the_same_command_waits_for_them() -> Result<()> {
    on_the_cloud(async |cloud| {
        let scene = Scene::make(cloud, "phase-clients").await?;
        let password = scene.leaked["password"].as_str().unwrap_or_default();
        let client = cloud.broker.amqps_login(scene.leaked_user(), password, "/").await?;
        let mut terminal = scene.begin().await?;
        terminal.shows("still connected as the former user").await?;
        scene.interrupt(&mut terminal, true).await?;
        ensure!(client.status().connected(), "a client was cut off before its time");
        testbed::broker::close(&client).await?;
        scene.continues().await
    })
}

#[test]
fn interrupted_while_the_version_is_cut_off_the_same_command_repeats_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
        let app = cloud.create_app_at(&name("phase-revoke"), cloud.broker.amqps_port(), proxy.url()).await?;
        let scene = Scene::of(cloud, app).await?;
        cloud.rotate_successfully(&scene.app.arn).await?;
        let leaked = cloud.version(&scene.app.arn, "AWSPREVIOUS").await?.context("nothing is AWSPREVIOUS")?;
        let (reached, wait) = channel();
        let (resume, resumed) = channel::<()>();
        let resumed = Mutex::new(resumed);
        let is_write = |call: &Call| call.method == "PUT" && call.path.starts_with("/api/users/");
        proxy.inject(Rule::at(1, is_write, Fault::Nothing).hook(move |_| {
            let _ = reached.send(());
            let _ = resumed.lock().map(|resumed| resumed.recv());
        }));
        let mut command = scene.command()?;
        command.args(["--version", &leaked]);
        let mut terminal = Terminal::start(&command, 80)?;
        terminal.shows("Continue? [y/N]").await?;
        terminal.types("y\r")?;
        tokio::task::spawn_blocking(move || wait.recv()).await??;
        scene.interrupt(&mut terminal, false).await?;
        ensure!(terminal.text().contains("may still be cutting"), "{}", terminal.text());
        let _ = resume.send(());
        drop(resume);
        scene.continues().await
    })
}

#[test]
fn interrupted_before_the_proof_the_same_command_only_proves_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let scene = Scene::make(cloud, "phase-proof").await?;
        let mut terminal = scene.begin().await?;
        terminal.shows("connections closed").await?;
        // A login is refused only after some seconds, because the broker is asked again.
        scene.interrupt(&mut terminal, false).await?;
        scene.is_over().await?;
        let current = cloud.version(&scene.app.arn, "AWSCURRENT").await?;
        // Nothing is left to ask.
        let mut terminal = Terminal::start(&scene.command()?, 80)?;
        let code = terminal.ends().await?;
        ensure!(code == 0 && terminal.text().contains("the broker refuses"), "{}", terminal.text());
        ensure!(cloud.version(&scene.app.arn, "AWSCURRENT").await? == current, "it has rotated once more");
        scene.is_over().await
    })
}

#[test]
fn with_force_production_is_cut_off_at_once() -> Result<()> {
    on_the_cloud(async |cloud| {
        let scene = Scene::make(cloud, "phase-force").await?;
        let password = scene.leaked["password"].as_str().unwrap_or_default();
        let attacker = cloud.broker.amqps_login(scene.leaked_user(), password, "/").await?;
        let mut command = scene.command()?;
        command.args(["--force", "--yes", "--color", "never"]);
        let mut terminal = Terminal::start(&command, 80)?;
        let code = terminal.ends().await?;
        ensure!(code == 0 && !terminal.text().contains("still connected as"), "{}", terminal.text());
        crate::kubernetes::routed::until("the attacker is cut off", async || {
            Ok(!attacker.status().connected())
        })
        .await?;
        scene.is_over().await
    })
}
