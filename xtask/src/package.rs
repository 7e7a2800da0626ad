//! `package`: the functions as AWS Lambda takes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{python, step, workspace};

/// The crates that are Lambda functions.
pub const FUNCTIONS: [&str; 4] = ["rotation-mq", "secret2eks", "dlq-handler", "rotation-watch"];

/// What a function is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    Arm64,
    X86_64,
}

impl Architecture {
    /// By the name that Lambda and the template use.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Arm64, Self::X86_64].into_iter().find(|known| known.name() == name)
    }

    /// What runs here.
    pub fn of_this_machine() -> Self {
        if std::env::consts::ARCH == "aarch64" { Self::Arm64 } else { Self::X86_64 }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// Builds every function for release: `target/lambda/FUNCTION/bootstrap` for the template, and the same
/// in `target/package/FUNCTION-ARCHITECTURE.zip`.
///
/// # Errors
/// When the tools cannot be had, Rust's library for the architecture is missing, or the build fails.
pub fn run(wanted: Option<Architecture>) -> Result<()> {
    let architecture = choose(wanted)?;
    let programs = python::programs(&python::LAMBDA)?;
    build(architecture, &programs)?;
    let mut files = Vec::new();
    for function in FUNCTIONS {
        let binary = workspace::target().join("lambda").join(function).join("bootstrap");
        let zip = zip(&binary, &format!("{function}-{}", architecture.name()), &programs)?;
        files.extend([binary, zip]);
    }
    println!();
    for file in files {
        let size = fs::metadata(&file).with_context(|| format!("{} was not built", file.display()))?.len();
        let name = file.strip_prefix(workspace::root()).unwrap_or(&file);
        println!("{:>3}.{:02} MB  {}", size / 1_000_000, size % 1_000_000 / 10_000, name.display());
    }
    println!(
        "\ndeploy: sam deploy --guided --template-file infra/template.yaml --stack-name rotation \
         --capabilities CAPABILITY_IAM --parameter-overrides Architecture={}",
        architecture.name()
    );
    Ok(())
}

/// The architecture to build for; arm64 costs less on Lambda, so it comes first where it is possible.
fn choose(wanted: Option<Architecture>) -> Result<Architecture> {
    let here = Architecture::of_this_machine();
    match wanted {
        Some(wanted) if has_library(wanted)? => Ok(wanted),
        Some(wanted) => {
            bail!("Rust's library for {0} is not installed\n  next: rustup target add {0}", wanted.triple())
        }
        None if has_library(Architecture::Arm64)? => Ok(Architecture::Arm64),
        None => {
            println!(
                "building for {} only: Rust's library for {1} is not installed (rustup target add {1})",
                here.name(),
                Architecture::Arm64.triple()
            );
            Ok(here)
        }
    }
}

/// Asks rustc rather than rustup, which not every machine has.
fn has_library(architecture: Architecture) -> Result<bool> {
    let answer = workspace::program("rustc")
        .args(["--print", "target-libdir", "--target", architecture.triple()])
        .output()
        .context("cannot run rustc")?;
    Ok(Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_dir())
}

fn build(architecture: Architecture, programs: &Path) -> Result<()> {
    let mut build = build_command(architecture, programs);
    // zig is found in PATH; its caches belong under target/ like all others.
    let cache = workspace::tools().join("zig-cache");
    build.env("PATH", workspace::path_with(programs));
    build.env("ZIG_GLOBAL_CACHE_DIR", &cache).env("ZIG_LOCAL_CACHE_DIR", &cache);
    build.env("CARGO_ZIGBUILD_CACHE_DIR", &cache);
    let what = format!("build the functions for {}", architecture.name());
    step::quiet(&what, &mut build, "mend the error above; the first build takes about 4 minutes")
}

/// What ships is what was tested: the versions of Cargo.lock, or none.
fn build_command(architecture: Architecture, programs: &Path) -> Command {
    let mut build = workspace::program(programs.join("cargo-lambda"));
    build.args(["lambda", "build", "--release", "--locked", "--target", architecture.triple()]);
    build.arg("--lambda-dir").arg(workspace::target().join("lambda"));
    for function in FUNCTIONS {
        build.args(["--package", function]);
    }
    build
}

/// Zips the very binary that the template deploys.
fn zip(binary: &Path, name: &str, programs: &Path) -> Result<PathBuf> {
    let folder = workspace::target().join("package");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let zip = folder.join(format!("{name}.zip"));
    let mut python = workspace::program(programs.join("python"));
    python.args(["-m", "zipfile", "--create"]).args([&zip, binary]);
    step::quiet(&format!("zip {name}"), &mut python, "see whether the disk is full")?;
    Ok(zip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_versions_of_the_lock_file_ship() {
        for architecture in [Architecture::Arm64, Architecture::X86_64] {
            let command = build_command(architecture, Path::new("/tools"));
            let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
            for expected in ["--locked", "--release", architecture.triple()] {
                assert!(arguments.iter().any(|argument| argument == expected), "{expected}: {arguments:?}");
            }
        }
    }
}
