//! The program, as a script runs it: without a terminal.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, programs};
use serde_json::Value;
use testbed::cloud::{Cloud, STACK};

use crate::actors::actor::Actor;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Requires an exit code.
    pub fn with(self, code: i32) -> Result<Self> {
        ensure!(self.code == code, "it should end with {code}: {self:?}");
        Ok(self)
    }

    /// The JSON document.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("no JSON: {self:?}"))
    }
}

/// The program on the shared stack.
pub fn program(cloud: &Cloud) -> Result<Command> {
    program_on(cloud, STACK)
}

/// The program on a stack.
pub fn program_on(cloud: &Cloud, stack: &str) -> Result<Command> {
    let mut command = program_without_stack(cloud)?;
    command.args(["--stack", stack]);
    Ok(command)
}

/// The program with the environment of an account's root, and an own folder for its state.
pub fn program_without_stack(cloud: &Cloud) -> Result<Command> {
    let mut command = Command::new(programs()?.join("secops"));
    for (variable, value) in cloud.aws.cli().get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    command.env("XDG_STATE_HOME", cloud.folder().join(name("secops-state"))).env_remove("SECOPS_STACK");
    Ok(command)
}

/// Runs a command of the program.
pub async fn secops(cloud: &Cloud, arguments: &[&str]) -> Result<Ended> {
    let mut command = program(cloud)?;
    command.args(arguments);
    run(command).await
}

/// Runs a command of the program as an actor.
pub async fn secops_as(cloud: &Cloud, actor: &Actor<'_>, arguments: &[&str]) -> Result<Ended> {
    let mut command = program(cloud)?;
    command.envs(actor.environment()).args(arguments);
    run(command).await
}

/// Runs a prepared command.
pub async fn run(mut command: Command) -> Result<Ended> {
    command.stdin(std::process::Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    Ok(Ended {
        code: output.status.code().context("a signal ended it")?,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
