//! Where things are, and cargo as a child process.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The top folder of the repository.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// A text file of the repository, by its path from the top folder.
///
/// # Errors
/// When it cannot be read.
pub fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(root().join(file)).with_context(|| format!("cannot read {file}"))
}

/// The files that git knows or would add, of these patterns or all.
///
/// # Errors
/// When git does not answer.
pub fn files(patterns: &[&str]) -> Result<Vec<String>> {
    let mut list = program("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]).args(patterns);
    let files = output(&mut list)?;
    // A file that was removed is known to git until the next commit.
    let files = files.split_terminator('\0').filter(|file| root().join(file).is_file());
    Ok(files.map(str::to_owned).collect())
}

/// What a program prints.
///
/// # Errors
/// When it cannot be started, or does not end with success: what it says about that.
pub fn output(command: &mut Command) -> Result<String> {
    let output =
        command.output().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Build results and caches; the templates and the testbed look for the functions here.
pub fn target() -> PathBuf {
    root().join("target")
}

/// Tools that were installed for this repository only.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// A program that runs in the top folder and is told to end when this process is killed.
/// (Ctrl-C reaches both anyway.)
pub fn program(name: impl AsRef<OsStr>) -> Command {
    match find("setpriv") {
        Some(setpriv) => {
            let mut command = unowned(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(name);
            command
        }
        None => unowned(name),
    }
}

/// A program that runs in the top folder, without what `cargo run` put into the environment: build
/// scripts watch some of those variables, and everything would be built twice.
pub fn unowned(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root()).env_remove("CARGO_TARGET_DIR");
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    command
}

/// The cargo that runs this program.
pub fn cargo() -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// PATH with `folder` in front.
pub fn path_with(folder: &Path) -> OsString {
    let mut path = folder.as_os_str().to_owned();
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

/// Where a program is found: in PATH, or in the folders of administrators' programs.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
