//! The functions' programs, as built by cargo or cargo-lambda.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use aws::Artifact;

/// The functions of `infra/template.yaml`, by the last part of their `CodeUri`.
const NAMES: [&str; 5] = ["rotation-mq", "broker-user", "secret2eks", "dlq-handler", "rotation-watch"];
/// The functions that version 0.1 has, too.
const NAMES_OF_0_1: [&str; 4] = ["rotation-mq", "secret2eks", "dlq-handler", "rotation-watch"];

/// Sends SIGKILL to every process of a function of the AWS emulator at `endpoint`, as Lambda does when a function has
/// no memory left.
pub fn kill_function(endpoint: &str, name: &str) {
    signal_function(endpoint, name, "KILL");
}

/// Sends SIGSTOP to every process of a function. The function hangs until Lambda's timeout ends it.
pub fn freeze_function(endpoint: &str, name: &str) {
    signal_function(endpoint, name, "STOP");
}

fn signal_function(endpoint: &str, name: &str, signal: &str) {
    // All at once: a process that starts while the first one dies belongs to the next environment.
    let ids = processes_of(endpoint, name);
    let ids: Vec<_> = ids.iter().filter_map(|process| process.file_name()).collect();
    if !ids.is_empty() {
        let _ = std::process::Command::new("kill").args(["-s", signal]).args(ids).status();
    }
}

/// The folder in `/proc` of every process of a function of the AWS emulator at `endpoint`. Functions of the same name
/// that belong to another cloud on the machine are not included.
pub fn processes_of(endpoint: &str, name: &str) -> Vec<PathBuf> {
    let wanted = [format!("AWS_LAMBDA_FUNCTION_NAME={name}"), format!("AWS_ENDPOINT_URL={endpoint}")];
    let is_it = |process: &PathBuf| {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        let has =
            |wanted: &String| environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes());
        wanted.iter().all(has)
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.map(|process| process.path()).filter(is_it).collect()
}

/// The programs of a cloud's functions.
#[derive(Debug, Clone)]
pub struct Functions {
    programs: Vec<(&'static str, PathBuf)>,
}

impl Functions {
    /// The programs that cargo built into a folder such as `target/debug`.
    ///
    /// # Errors
    /// When one was not built.
    pub fn built_in(folder: &Path) -> Result<Self> {
        Self::find(&NAMES, |name| folder.join(name))
    }

    /// The programs of version 0.1 in a folder.
    ///
    /// # Errors
    /// When one was not built.
    pub fn of_0_1_in(folder: &Path) -> Result<Self> {
        Self::find(&NAMES_OF_0_1, |name| folder.join(name))
    }

    /// The programs that cargo-lambda built below a folder such as `target/lambda`.
    ///
    /// # Errors
    /// When one was not built.
    pub fn packaged_in(folder: &Path) -> Result<Self> {
        Self::find(&NAMES, |name| folder.join(name).join("bootstrap"))
    }

    /// Each function and its program.
    pub fn programs(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.programs.iter().map(|(name, program)| (*name, program.as_path()))
    }

    pub(super) fn artifacts(&self) -> Vec<Artifact> {
        self.programs().map(|(name, program)| Artifact::new(name, program)).collect()
    }

    fn find(names: &[&'static str], program: impl Fn(&str) -> PathBuf) -> Result<Self> {
        let programs: Vec<_> = names.iter().map(|name| (*name, program(name))).collect();
        if let Some((name, missing)) = programs.iter().find(|(_, program)| !program.is_file()) {
            bail!("{} is missing: build it with `cargo build --package {name}`", missing.display());
        }
        Ok(Self { programs })
    }
}
