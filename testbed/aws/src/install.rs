//! Virtual environments with packages that are pinned with hashes: `MiniStack` and the AWS CLI, and others.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use sandbox::process::ends_with_its_thread;

const EMULATOR: Requirements =
    Requirements { name: "python", what: "the AWS emulator", pinned: include_str!("../requirements.txt") };
/// `MiniStack` also runs on older versions, but the launcher uses `datetime.UTC` of Python 3.11.
const INTERPRETERS: [&str; 5] = ["python3", "python3.13", "python3.12", "python3.11", "python3.14"];
const IS_NEW_ENOUGH: &str = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))";

/// The packages of one virtual environment. They are compiled into the program. A change creates a new environment.
#[derive(Debug, Clone, Copy)]
pub struct Requirements {
    /// The name of its folder.
    pub name: &'static str,
    /// What it contains, for a person.
    pub what: &'static str,
    /// The text of `requirements.txt`, with the hashes of every platform's files.
    pub pinned: &'static str,
}

impl Requirements {
    /// The version of a package that is pinned.
    #[must_use]
    pub fn version_of(&self, package: &str) -> Option<&'static str> {
        let line = self.pinned.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))?;
        line.split_whitespace().next()
    }
}

/// An installed virtual environment.
#[derive(Debug, Clone)]
pub struct Python {
    folder: PathBuf,
}

impl Python {
    /// A program of the environment, such as `python` or `aws`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }
}

/// The version of `MiniStack` that the requirements pin.
#[must_use]
pub fn emulator_version() -> Option<&'static str> {
    EMULATOR.version_of("ministack")
}

/// The folder of the package `launcher`.
pub(super) fn sources() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn install(tools: &Path, progress: &dyn Fn(&str)) -> Result<Python> {
    install_requirements(tools, &EMULATOR, progress)
}

/// Creates the virtual environment below `tools`, unless it exists and is up to date. Two processes may call this at the
/// same time.
///
/// # Errors
/// When no Python 3.11 or later is found, or pip cannot install the packages.
pub fn install_requirements(tools: &Path, wanted: &Requirements, progress: &dyn Fn(&str)) -> Result<Python> {
    fs::create_dir_all(tools).with_context(|| format!("cannot create {}", tools.display()))?;
    // The environment's programs contain the path of their interpreter: it must be absolute and must not change.
    let tools = tools.canonicalize().with_context(|| format!("cannot resolve {}", tools.display()))?;
    let lock = File::create(tools.join(format!("{}.lock", wanted.name)))
        .context("cannot create the lock of the Python environment")?;
    // The lock is held until this function returns. A second process waits here and then has nothing to install.
    lock.lock().context("cannot lock the Python environment")?;

    let python = Python { folder: tools.join(wanted.name) };
    let stamp = python.folder.join("installed-requirements.txt");
    let installed = fs::read_to_string(&stamp).ok();
    // An environment that was moved or copied must be made again.
    let complete = format!("{}# in {}\n", wanted.pinned, python.folder.display());
    if installed.as_ref() == Some(&complete) {
        return Ok(python);
    }
    let why = if installed.is_some() {
        "requirements.txt changed, or the folder was moved"
    } else {
        "it does not exist yet"
    };
    progress(&format!("installing {} into {} ({why})", wanted.what, python.folder.display()));
    if python.folder.exists() {
        fs::remove_dir_all(&python.folder).context("cannot remove the old Python environment")?;
    }
    let interpreter = interpreter()?;
    run(Command::new(interpreter).args(["-m", "venv"]).arg(&python.folder))?;
    let list = python.folder.join("requirements.txt");
    fs::write(&list, wanted.pinned).context("cannot write the list of packages")?;
    run(Command::new(python.program("python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--require-hashes",
        ])
        .args(["--only-binary", ":all:", "-r"])
        .arg(&list))?;
    // Written last, so that an interrupted installation starts again.
    fs::write(&stamp, complete).context("cannot mark the Python environment as complete")?;
    Ok(python)
}

fn interpreter() -> Result<&'static str> {
    let works = |name: &&&str| {
        let mut command = Command::new(name);
        let quiet = command.args(["-c", IS_NEW_ENOUGH]).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    };
    INTERPRETERS.iter().find(works).copied().context(
        "the testbed needs Python 3.11 or later with the modules venv and ensurepip in PATH \
         (Debian and Ubuntu: apt install python3-venv)",
    )
}

fn run(command: &Command) -> Result<()> {
    // pip must not continue in a folder that the next process creates again.
    let output = ends_with_its_thread(command)?.output();
    let output = output.with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}:\n{}", output.status, text.trim_end());
    }
    Ok(())
}
