//! The function outside Lambda, as a developer runs it: `cargo lambda watch`, and `cargo lambda invoke` with the
//! events in `tests/events`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use end_to_end::{name, on_the_cloud};
use testbed::cloud::{Cloud, EventSubject, workspace, write_events};
use testbed::process::{Options, Process, find_program, free_ports};
use testbed::scratch;
use tokio::net::TcpStream;

use crate::support::converged;

const LISTENS: Duration = Duration::from_secs(30);
/// The first invocation compiles the function. `cargo xtask test` has built it before with the same features and
/// profile, so cargo has little to do. Without that build, or with `--package`, which selects fewer features, it takes
/// minutes.
const ANSWERS: Duration = Duration::from_secs(900);
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

#[test]
fn all_four_steps_and_the_action_invoked_with_cargo_lambda_do_their_work() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("by-hand")).await?;
        let before = cloud.value(&app.arn, "AWSCURRENT").await?;
        let current = cloud.version(&app.arn, "AWSCURRENT").await?.context("no current version")?;
        let pending = cloud.begin_rotation(&app.arn).await?;
        let folder = scratch::folder(&workspace().join("target/testbed/runs"), "cargo-lambda")?;
        let subject = EventSubject {
            secret: &app.arn,
            pending: &pending,
            leaked_secret: &app.arn,
            leaked_version: &current,
            other_user: &app.user,
        };
        write_events(&folder, subject)?;
        let watch = Watch::start(cloud, &folder, "rotate").await?;
        for step in ["create-secret", "set-secret", "test-secret", "finish-secret"] {
            watch.invoke(&folder.join(step).with_extension("json")).await?;
        }
        converged(cloud, &app.user, &app.arn, &pending).await?;
        let after = cloud.value(&app.arn, "AWSCURRENT").await?;
        ensure!(after["username"] == format!("{}_clone", app.user).as_str(), "{}", after["username"]);
        ensure!(cloud.logs_in(&before).await?, "the credentials of before do not log in");

        drop(watch);
        let watch = Watch::start(cloud, &folder, "incident").await?;
        watch.invoke(&folder.join("revoke-previous.json")).await?;
        ensure!(!cloud.logs_in(&before).await?, "the revoked credentials log in");
        ensure!(cloud.logs_in(&after).await?, "the current credentials do not log in");
        watch.invoke(&folder.join("adopt.json")).await?;

        drop(watch);
        let watch = Watch::start(cloud, &folder, "inspect").await?;
        watch.invoke(&folder.join("inspect.json")).await
    })
}

/// A running `cargo lambda watch`. All its processes end when it is dropped.
struct Watch {
    process: Process,
    program: PathBuf,
    port: String,
}

impl Watch {
    /// Runs the function with those `ACTIONS`.
    async fn start(cloud: &Cloud, folder: &Path, actions: &str) -> Result<Self> {
        let program = find_program("cargo-lambda")
            .context("cargo-lambda is not in PATH: `cargo xtask test` installs it and puts it there")?;
        let port = *free_ports(1)?.first().context("no free port")?;
        let mut command = own_command(&program);
        command.args(["lambda", "watch", "--ignore-changes"]);
        command.args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()]);
        command.envs(cloud.function_environment().await?).env("ACTIONS", actions);
        // cargo, rustc and the function are its descendants.
        let options = Options { own_pid_namespace: true, ..Options::default() };
        let log = folder.join(format!("watch-{actions}.log"));
        let mut process = Process::start_with("cargo lambda watch", &command, &log, options)?;
        let listens = || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        process.wait_until(LISTENS, listens).await?;
        Ok(Self { process, program, port: port.to_string() })
    }

    /// Waits for a success.
    async fn invoke(&self, event: &Path) -> Result<()> {
        let mut command = own_command(Path::new("setpriv"));
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.program);
        command.args(["lambda", "invoke", "rotation-mq", "--invoke-address", "127.0.0.1"]);
        command.args(["--invoke-port", &self.port, "--data-file"]).arg(event);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cargo lambda invoke does not start")?;
        let in_time = self.wait(&mut child).await;
        if !matches!(in_time, Ok(true)) {
            child.kill()?;
        }
        let ended = child.wait_with_output()?;
        if !in_time? || !ended.status.success() {
            let text = String::from_utf8_lossy(&ended.stderr);
            bail!("{} failed: {text}\nwatch says:\n{}", event.display(), self.process.log_tail());
        }
        Ok(())
    }

    /// Whether the child ended in time.
    #[expect(clippy::print_stderr, reason = "compiling takes long, and the person who waits should know why")]
    async fn wait(&self, child: &mut Child) -> Result<bool> {
        let began = Instant::now();
        let mut told = began;
        while child.try_wait()?.is_none() {
            if began.elapsed() > ANSWERS {
                return Ok(false);
            }
            if told.elapsed() > SIGN_OF_LIFE {
                told = Instant::now();
                let log = self.process.log_tail();
                let last = log.lines().last().unwrap_or_default();
                eprintln!("{} s: cargo lambda watch: {last}", began.elapsed().as_secs());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Ok(true)
    }
}

/// A command in the repository's root without the variables that `cargo test` sets. Build scripts watch some of these
/// variables, so cargo would build everything again.
fn own_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace());
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    command
}
