//! `package`: builds the zips for AWS Lambda.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use crate::{python, step, workspace};

/// The crates that are Lambda functions.
pub const FUNCTIONS: [&str; 5] =
    ["rotation-mq", "broker-user", "secret2eks", "dlq-handler", "rotation-watch"];

/// The programs for people, which are built like the functions.
pub const PROGRAMS: [&str; 1] = ["secops"];

/// The time of all built files: 1980-01-01, the earliest date in a zip.
const EPOCH: u64 = 315_532_800;

/// The processor architecture of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    Arm64,
    X86_64,
}

impl Architecture {
    /// The architecture with this name in Lambda and in the template.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Arm64, Self::X86_64].into_iter().find(|known| known.name() == name)
    }

    /// The architecture of this machine.
    pub fn of_this_machine() -> Self {
        if std::env::consts::ARCH == "aarch64" { Self::Arm64 } else { Self::X86_64 }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    pub fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// Builds every function for release: `target/lambda/FUNCTION/bootstrap` for the template, and the same program
/// in `target/package/FUNCTION-ARCHITECTURE.zip`.
///
/// # Errors
/// When the tools cannot be installed, Rust's library for the architecture is missing, or the build fails.
pub fn run(wanted: Option<Architecture>) -> Result<()> {
    let architecture = choose(wanted)?;
    let zips = build(workspace::root(), architecture, &workspace::target().join("package"))?;
    println!();
    for name in FUNCTIONS.into_iter().chain(PROGRAMS) {
        print_size(&binary(workspace::root(), name))?;
    }
    for file in zips {
        print_size(&file)?;
    }
    println!(
        "\ndeploy: sam deploy --guided --template-file infra/template.yaml --stack-name rotation \
         --capabilities CAPABILITY_IAM --parameter-overrides Architecture={}",
        architecture.name()
    );
    Ok(())
}

/// Builds the function that does nothing, which `bench` compares the others with, for this machine: with the options of the
/// others and together with them, so that they share every dependency.
///
/// # Errors
/// As [`run`].
pub fn empty_function() -> Result<()> {
    let programs = python::programs(&python::LAMBDA)?;
    let mut build = build_command(workspace::root(), Architecture::of_this_machine(), &programs);
    build.args(["--package", "empty-function"]);
    step::quiet("build the empty function", &mut build, "fix the error above")
}

/// Builds the probe of `conformance` for Lambda. Returns its program and its architecture.
///
/// # Errors
/// As [`run`].
pub fn probe() -> Result<(PathBuf, Architecture)> {
    let programs = python::programs(&python::LAMBDA)?;
    let architecture = choose(None)?;
    let mut build = build_command(workspace::root(), architecture, &programs);
    build.args(["--package", "conformance"]);
    step::quiet(
        "build the probe for Lambda",
        &mut build,
        "fix the error above; the first build takes some minutes",
    )?;
    Ok((binary(workspace::root(), "conformance-probe"), architecture))
}

/// The architecture to build for. arm64 costs less on Lambda, so it is the default where it can be built.
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

/// The architectures that can be built for here.
///
/// # Errors
/// When rustc cannot be started.
pub fn possible() -> Result<Vec<Architecture>> {
    let mut possible = Vec::new();
    for architecture in [Architecture::Arm64, Architecture::X86_64] {
        if has_library(architecture)? {
            possible.push(architecture);
        }
    }
    Ok(possible)
}

/// Asks rustc, because not every machine has rustup.
fn has_library(architecture: Architecture) -> Result<bool> {
    let answer = workspace::program("rustc")
        .args(["--print", "target-libdir", "--target", architecture.triple()])
        .output()
        .context("cannot run rustc")?;
    Ok(Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_dir())
}

/// Builds the functions and programs of the sources in a folder into its `target`. Zips the functions into `zips`, in the order
/// of [`FUNCTIONS`], and copies the programs there. The same sources give the same bytes in every folder.
///
/// # Errors
/// When the tools cannot be installed, or the build fails.
pub fn build(source: &Path, architecture: Architecture, zips: &Path) -> Result<Vec<PathBuf>> {
    let programs = python::programs(&python::LAMBDA)?;
    let what = format!("build the functions for {}", architecture.name());
    let next = "fix the error above; the first build takes about 4 minutes";
    step::quiet(&what, &mut build_command(source, architecture, &programs), next)?;
    fs::create_dir_all(zips).with_context(|| format!("cannot create {}", zips.display()))?;
    let mut files = Vec::new();
    for function in FUNCTIONS {
        let name = zip_name(function, architecture);
        let (zip, binary) = (zips.join(&name), binary(source, function));
        let made_at = UNIX_EPOCH + Duration::from_secs(EPOCH);
        let set = fs::File::options().append(true).open(&binary).and_then(|file| file.set_modified(made_at));
        set.with_context(|| format!("cannot set the time of {}", binary.display()))?;
        let mut command = workspace::program(programs.join("python"));
        command.args(["-m", "zipfile", "--create"]).args([&zip, &binary]).env("TZ", "UTC");
        step::quiet(&format!("zip {name}"), &mut command, "check whether the disk is full")?;
        files.push(zip);
    }
    for program in PROGRAMS {
        let file = zips.join(program_name(program, architecture));
        let copied = fs::copy(binary(source, program), &file);
        copied.with_context(|| format!("cannot copy {program} to {}", file.display()))?;
        files.push(file);
    }
    Ok(files)
}

/// The name of a program in a release.
pub fn program_name(program: &str, architecture: Architecture) -> String {
    format!("{program}-{}", architecture.name())
}

/// The name of a function's zip.
pub fn zip_name(function: &str, architecture: Architecture) -> String {
    format!("{function}-{}.zip", architecture.name())
}

/// The path where the template expects a function, with the program's name on Lambda.
fn binary(source: &Path, function: &str) -> PathBuf {
    source.join("target/lambda").join(function).join("bootstrap")
}

/// The build uses exactly the versions of Cargo.lock, because the tests used them.
fn build_command(source: &Path, architecture: Architecture, programs: &Path) -> Command {
    let mut build = workspace::program(programs.join("cargo-lambda"));
    build.current_dir(source);
    build.args(["lambda", "build", "--release", "--locked", "--target", architecture.triple()]);
    build.arg("--lambda-dir").arg(source.join("target/lambda"));
    for package in FUNCTIONS.into_iter().chain(PROGRAMS) {
        build.args(["--package", package]);
    }
    // cargo-lambda adds the processor to these flags.
    build.env("RUSTFLAGS", remap(source)).env("SOURCE_DATE_EPOCH", EPOCH.to_string());
    // cargo-lambda finds zig in PATH. zig's caches are in target/ like all others.
    let cache = workspace::tools().join("zig-cache");
    build.env("PATH", workspace::path_with(programs));
    build.env("ZIG_GLOBAL_CACHE_DIR", &cache).env("ZIG_LOCAL_CACHE_DIR", &cache);
    build.env("CARGO_ZIGBUILD_CACHE_DIR", &cache);
    build
}

/// Panic messages contain the path of the source. Without this option, programs would depend on the build folder.
/// <https://doc.rust-lang.org/rustc/remap-source-paths.html>
fn remap(source: &Path) -> OsString {
    let mut flags = OsString::from("--remap-path-prefix=");
    flags.push(source);
    flags.push("=/rotation");
    if let Some(registry) = cargo_home() {
        flags.push(" --remap-path-prefix=");
        flags.push(registry);
        flags.push("=/cargo");
    }
    flags
}

/// The folder in which cargo keeps the sources of dependencies.
fn cargo_home() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

/// Prints the size of a file.
///
/// # Errors
/// When it does not exist.
pub fn print_size(file: &Path) -> Result<()> {
    let size = fs::metadata(file).with_context(|| format!("{} was not built", file.display()))?.len();
    let name = file.strip_prefix(workspace::root()).unwrap_or(file);
    println!("{:>3}.{:02} MB  {}", size / 1_000_000, size % 1_000_000 / 10_000, name.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_versions_of_the_lock_file_ship() {
        for architecture in [Architecture::Arm64, Architecture::X86_64] {
            let command = build_command(Path::new("/source"), architecture, Path::new("/tools"));
            let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
            for expected in ["--locked", "--release", architecture.triple()] {
                assert!(arguments.iter().any(|argument| argument == expected), "{expected}: {arguments:?}");
            }
        }
    }

    #[test]
    fn a_program_does_not_name_the_folder_that_it_was_built_in() {
        let command = build_command(Path::new("/source"), Architecture::X86_64, Path::new("/tools"));
        let value =
            |wanted| command.get_envs().find(|(name, _)| *name == wanted).and_then(|(_, value)| value);
        let flags = value("RUSTFLAGS").unwrap_or_default().to_string_lossy();
        assert!(flags.starts_with("--remap-path-prefix=/source=/rotation "), "{flags}");
        assert!(flags.ends_with("=/cargo"), "{flags}");
        assert_eq!(value("SOURCE_DATE_EPOCH"), Some(EPOCH.to_string().as_ref()));
    }
}
