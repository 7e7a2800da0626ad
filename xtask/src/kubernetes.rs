//! The Kubernetes part of the testbed: real programs, built from the Go modules that `testbed/kubernetes` pins.
//!
//! The first build takes about 10 minutes on two cores. A program is built again only if its sources have changed.

mod operator_sources;
mod part;

use std::fs::{self, File};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use self::part::{PARTS, Part, folder, operator};
use crate::go::{self, Go};
use crate::step;

/// The folder in the operator's module with the definitions of its custom resources.
const CUSTOM_RESOURCES: &str = "config/crds/bases";

/// Builds on a separate thread.
#[derive(Debug)]
pub struct Building(Option<JoinHandle<Result<()>>>);

impl Building {
    /// Starts the missing builds and returns. If the command ends before them, the builds end too.
    ///
    /// # Errors
    /// When the stamps of earlier builds cannot be compared.
    pub fn start() -> Result<Self> {
        if is_complete()? {
            return Ok(Self(None));
        }
        eprintln!(
            "  building Kubernetes in parallel (the first build takes 10 min, and 9 GB of disk space until it is done)"
        );
        step::several_at_once();
        Ok(Self(Some(std::thread::spawn(build))))
    }

    /// Waits for the end of the builds.
    ///
    /// # Errors
    /// When a build failed.
    pub fn wait(self) -> Result<()> {
        match self.0 {
            None => Ok(()),
            Some(thread) => thread.join().map_err(|_| anyhow!("the build of Kubernetes panicked"))?,
        }
    }
}

/// `kubernetes`: builds all programs.
///
/// # Errors
/// When a build fails.
pub fn run() -> Result<()> {
    if is_complete()? {
        eprintln!("  Kubernetes is built already: {}", folder().join("bin").display());
        return go::remove_caches();
    }
    build()
}

/// Whether all programs are built.
///
/// # Errors
/// When the sources of the programs cannot be read.
pub fn is_complete() -> Result<bool> {
    for part in PARTS.iter().filter(|part| part.is_ours()) {
        if !is_same(&part.stamp(), &part.built_from()?) || !part.program().is_file() {
            return Ok(false);
        }
    }
    let wanted = fs::read_to_string(operator().module().join("go.mod"))?;
    Ok(is_same(&folder().join("crds/stamp"), &wanted))
}

fn build() -> Result<()> {
    let bin = folder().join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("cannot create {}", bin.display()))?;
    // If two commands run at once, the first builds, and the second waits for it.
    let lock = File::create(folder().join("lock")).context("cannot create the lock of the build")?;
    lock.lock().context("cannot lock the build")?;
    let go = Go::find()?;
    for part in PARTS.iter().filter(|part| part.is_ours()) {
        build_part(&go, part)?;
    }
    copy_custom_resources(&go)?;
    // Free space of 9 GB is worth more than a faster build of the next version.
    go::remove_caches()
}

fn build_part(go: &Go, part: &Part) -> Result<()> {
    let wanted = part.built_from()?;
    if is_same(&part.stamp(), &wanted) {
        return Ok(());
    }
    // Remove the old stamp first and write the new one last, so that an interrupted build does not count as finished.
    let _ = fs::remove_file(part.stamp());
    let partial = part.program().with_extension("partial");
    let module =
        if part.name == operator().name { operator_sources::with_aws_only(go)? } else { part.module() };
    let mut build = go.command(&module);
    build.args(["build", "-ldflags", &part.linker_flags()?, "-o"]).arg(&partial).arg(part.package);
    step::long(
        &format!("build {}", part.name),
        Duration::from_secs(part.takes),
        &mut build,
        "check that go reaches its module proxy, then repeat the command. Finished builds are kept",
    )?;
    fs::rename(&partial, part.program()).with_context(|| format!("cannot rename {}", partial.display()))?;
    fs::write(part.stamp(), wanted).context("cannot mark the program as built")
}

/// Copies the custom resources from the operator's module, without the list of files for another tool.
fn copy_custom_resources(go: &Go) -> Result<()> {
    let wanted = fs::read_to_string(operator().module().join("go.mod"))?;
    let target = folder().join("crds");
    if is_same(&target.join("stamp"), &wanted) {
        return Ok(());
    }
    let source = operator_sources::module(go)?.join(CUSTOM_RESOURCES);
    let partial = folder().join("crds.partial");
    for leftover in [&partial, &target].into_iter().filter(|folder| folder.exists()) {
        fs::remove_dir_all(leftover).with_context(|| format!("cannot remove {}", leftover.display()))?;
    }
    fs::create_dir(&partial)?;
    for entry in fs::read_dir(&source).with_context(|| format!("cannot list {}", source.display()))? {
        let file = entry?;
        if file.file_name() != "kustomization.yaml" {
            fs::copy(file.path(), partial.join(file.file_name()))?;
        }
    }
    fs::write(partial.join("stamp"), wanted)?;
    fs::rename(&partial, &target).with_context(|| format!("cannot rename {}", partial.display()))
}

fn is_same(stamp: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|built_from| built_from == wanted)
}
