//! `model`: the model checker.

use anyhow::Result;

use crate::{step, workspace};

/// Builds the model checker, and starts it with these arguments.
///
/// # Errors
/// When it cannot be built or started.
pub fn run(arguments: &[String]) -> Result<()> {
    let mut build = workspace::cargo();
    build.args(["build", "--locked", "--package", "model"]);
    step::quiet("build the model checker", &mut build, "fix the error above")?;
    step::become_it(workspace::unowned(workspace::target().join("debug").join("model")).args(arguments))
}
