//! The paths of the repository, and cargo as a child process.

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

/// The files that git tracks or would add. With patterns, only the files that match.
///
/// # Errors
/// When git does not answer.
pub fn files(patterns: &[&str]) -> Result<Vec<String>> {
    let mut list = program("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]).args(patterns);
    let files = output(&mut list)?;
    // git tracks a removed file until the next commit.
    let files = files.split_terminator('\0').filter(|file| root().join(file).is_file());
    Ok(files.map(str::to_owned).collect())
}

/// The output of a program.
///
/// # Errors
/// When the program cannot be started or fails. The error contains its standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let output =
        command.output().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The folder for build results and caches. The templates and the testbed expect the functions here.
pub fn target() -> PathBuf {
    root().join("target")
}

/// The folder for tools that are installed only for this repository.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// A program that runs in the top folder and gets a signal when this process is killed. Ctrl-C reaches both.
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

/// A program that runs in the top folder without the variables that `cargo run` sets. Build scripts watch some of these
/// variables, so cargo would build everything twice.
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

/// PATH with `folder` as its first entry.
pub fn path_with(folder: &Path) -> OsString {
    let mut path = folder.as_os_str().to_owned();
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

/// The path of a program in PATH or in the folders of administrators' programs.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
