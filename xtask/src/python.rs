//! Tools from PyPI, pinned with their hashes. Each set has its own venv.
//!
//! This command compiles the sets from `tools/*.in`, for every platform:
//! `uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url
//! --no-emit-find-links --no-annotate --no-header X.in -o X.txt`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{apt, step, workspace};

/// One set of tools.
#[derive(Debug)]
pub struct ToolSet {
    name: &'static str,
    contents: &'static str,
    requirements: &'static str,
}

/// cfn-lint, sam and ruff.
pub const LINT: ToolSet = ToolSet {
    name: "lint",
    contents: "cfn-lint, sam, ruff",
    requirements: include_str!("../tools/lint.txt"),
};

/// cargo-lambda and zig, its cross linker.
pub const LAMBDA: ToolSet = ToolSet {
    name: "lambda",
    contents: "cargo-lambda, zig",
    requirements: include_str!("../tools/lambda.txt"),
};

/// A Go toolchain.
pub const GO: ToolSet =
    ToolSet { name: "go", contents: "a Go toolchain", requirements: include_str!("../tools/go.txt") };

/// The Python clients of `examples/clients`.
pub const CLIENTS: ToolSet = ToolSet {
    name: "clients",
    contents: "the Python clients (pika, aio-pika)",
    requirements: include_str!("../../examples/clients/requirements.txt"),
};

/// The packages of the Python function that `bench` compares rotation-mq with.
pub const BENCH_PEER: ToolSet = ToolSet {
    name: "bench-peer",
    contents: "the packages of bench/peer",
    requirements: include_str!("../../bench/peer/requirements.txt"),
};

/// The folder of the set's programs. Installs them if the pinned versions are missing.
///
/// # Errors
/// When there is no Python, or the packages cannot be installed.
pub fn programs(set: &ToolSet) -> Result<PathBuf> {
    let venv = workspace::tools().join(set.name);
    let bin = venv.join("bin");
    // Written last, so that an interrupted installation does not count as finished. The programs contain the path of their
    // interpreter, so a venv that was moved or copied must be made again.
    let stamp = venv.join("installed.txt");
    let complete = format!("{}# in {}\n", set.requirements, venv.display());
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == complete) {
        return Ok(bin);
    }
    if venv.exists() {
        fs::remove_dir_all(&venv).with_context(|| format!("cannot remove {}", venv.display()))?;
    }
    create_venv(&venv)?;
    let pinned = venv.join("requirements.txt");
    fs::write(&pinned, set.requirements)?;
    let mut pip = workspace::program(bin.join("python"));
    // The list is complete, so pip need not look for dependencies. With hashes, it must not.
    pip.args(["-m", "pip", "install", "--require-hashes", "--no-deps"]);
    pip.args(["--no-compile", "--disable-pip-version-check", "--progress-bar", "off"]);
    pip.arg("--requirement").arg(&pinned);
    step::quiet(
        &format!("install {}", set.contents),
        &mut pip,
        "check that pip reaches a package index, then repeat the command",
    )?;
    fs::write(&stamp, complete)?;
    Ok(bin)
}

fn create_venv(venv: &Path) -> Result<()> {
    if workspace::find("python3").is_none() {
        bail!("python3 is missing: install Python 3.11 or later with its venv module");
    }
    // Debian's package of Python does not contain the venv module.
    let complete = workspace::program("python3").args(["-c", "import ensurepip"]).output()?;
    if !complete.status.success() {
        eprintln!("missing: Python's venv module (for the tools in `target/`)");
        apt::install(&["python3-venv"])?;
    }
    let mut create = workspace::program("python3");
    create.args(["-m", "venv"]).arg(venv);
    step::quiet("create a venv", &mut create, "check the installation of Python's venv module")
}
