//! The functions and the testbed must have the same features of their dependencies as the tests. Otherwise, cargo compiles
//! these dependencies twice: once for `cargo xtask demo`, and once for the tests.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};

use crate::{testbed, workspace};

/// The dependencies that the tests would compile again.
///
/// # Errors
/// When cargo cannot resolve the workspace.
pub fn violations() -> Result<Vec<String>> {
    let built = units(&testbed::packages(), "normal,build")?;
    let tested = units(&["--workspace"], "normal,build,dev")?;
    Ok(built.difference(&tested).map(|unit| described(unit)).collect())
}

fn described(unit: &str) -> String {
    format!(
        "`{unit}` has other features in the tests, so it is compiled twice: give the workspace's entry, or a crate of the testbed, \
         the features that the tests need"
    )
}

/// The dependencies with their features, as `NAME vVERSION FEATURES`.
///
/// # Errors
/// When cargo cannot resolve the workspace.
pub fn units(packages: &[&str], edges: &str) -> Result<BTreeSet<String>> {
    let mut tree = workspace::cargo();
    tree.args(["tree", "--locked", "--edges", edges, "--prefix", "none", "--format", "{p} {f}"]);
    let output = tree.args(packages).output().context("cargo tree did not start")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    Ok(read(&String::from_utf8_lossy(&output.stdout)))
}

/// Leaves out the crates of the workspace, which the line names with a path, and the marks for repeated lines and macros.
fn read(tree: &str) -> BTreeSet<String> {
    let lines = tree.lines().map(|line| line.replace(" (*)", "").replace(" (proc-macro)", ""));
    lines.filter(|line| !line.is_empty() && !line.contains('(')).map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_read_with_its_features_and_a_crate_of_the_workspace_is_left_out() {
        let tree = "rotation-mq v0.1.0 (/somewhere/rotation-mq) \nserde v1.0.229 alloc,std\nserde v1.0.229 alloc,std (*)\n\
                    syn v2.0.1 (proc-macro) full\n\nzeroize v1.8.2 \n";
        let found = read(tree);
        let expected = ["serde v1.0.229 alloc,std", "syn v2.0.1 full", "zeroize v1.8.2"];
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}
