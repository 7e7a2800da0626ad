//! Lets the build of an older commit and today's share their dependencies.
//!
//! Cargo compiles a dependency again if it has other features. Today's crates need more features than the older ones, of
//! `tokio` for example, and nearly every other dependency depends on it. So the older workspace gets one more crate, without
//! code, which depends on the dependencies of today with the features of today. The commit's functions are then compiled
//! with the versions of today's lock file.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::{feature_rules, testbed, workspace};

/// The crate's name.
pub const CRATE: &str = "same-features";
/// The start of the older workspace's list of crates.
const MEMBERS: &str = "\nmembers = [";

/// Adds the crate to the workspace in the folder `source`.
///
/// # Errors
/// When cargo cannot resolve today's workspace, or a file cannot be written.
pub fn add(source: &Path) -> Result<()> {
    let units = feature_rules::units(&testbed::packages(), "normal,no-proc-macro")?;
    let units: Vec<&str> = units.iter().map(String::as_str).collect();
    let folder = source.join(CRATE);
    fs::create_dir_all(folder.join("src")).with_context(|| format!("cannot create {}", folder.display()))?;
    write(&folder.join("src/lib.rs"), "")?;
    write(&folder.join("Cargo.toml"), &manifest(&units))?;
    let root = source.join("Cargo.toml");
    let workspace = fs::read_to_string(&root).with_context(|| format!("cannot read {}", root.display()))?;
    if !workspace.contains(MEMBERS) {
        bail!("{} has no list of members", root.display());
    }
    write(&root, &workspace.replacen(MEMBERS, &format!("{MEMBERS}\"{CRATE}\", "), 1))?;
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    write(&source.join("Cargo.lock"), &lock)
}

/// The manifest for dependencies in the form `NAME vVERSION FEATURES`.
fn manifest(units: &[&str]) -> String {
    let mut text = format!(
        "[package]\nname = \"{CRATE}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n"
    );
    for (number, unit) in units.iter().enumerate() {
        let mut words = unit.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let version = version.trim_start_matches('v');
        let features: Vec<&str> =
            words.next().unwrap_or_default().split(',').filter(|f| !f.is_empty()).collect();
        // Two versions of a crate need two names.
        text.push_str(&format!(
            "d{number} = {{ package = \"{name}\", version = \"={version}\", default-features = false, features = {features:?} }}\n"
        ));
    }
    text
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_depends_on_each_version_with_exactly_its_features() {
        let text = manifest(&["bytes v1.12.2 default,std", "hashbrown v0.14.5 ", "hashbrown v0.17.1"]);
        for expected in [
            "d0 = { package = \"bytes\", version = \"=1.12.2\", default-features = false, features = [\"default\", \"std\"] }",
            "d1 = { package = \"hashbrown\", version = \"=0.14.5\", default-features = false, features = [] }",
            "d2 = { package = \"hashbrown\", version = \"=0.17.1\", default-features = false, features = [] }",
        ] {
            assert!(text.lines().any(|line| line == expected), "{text}");
        }
    }
}
