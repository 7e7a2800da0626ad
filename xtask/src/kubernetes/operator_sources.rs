//! The sources of External Secrets Operator, with AWS as its only provider.
//!
//! The operator imports the clients of some forty providers. Without them it has less than half of its packages. It has no
//! build tags for them, and Go does not replace a file of a module in its cache. So it is built from a copy of the module
//! in which two lists of imports are shorter. Nothing else differs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::part::operator;
use crate::go::{self, Go};
use crate::step;

/// The files that import all providers and all generators, and the package that stays.
const LISTS: [(&str, Option<&str>); 2] = [
    ("pkg/provider/register/register.go", Some("pkg/provider/aws")),
    ("pkg/generator/register/register.go", None),
];

/// What the copy is made by, for the stamp of the build.
pub fn changes() -> String {
    format!("{LISTS:?}\n")
}

/// The folder of the operator's module in Go's cache, downloaded if it is missing.
///
/// # Errors
/// When Go does not reach its module proxy.
pub fn module(go: &Go) -> Result<PathBuf> {
    let operator = operator();
    step::quiet(
        "download the operator's sources",
        go.command(&operator.module()).args(["mod", "download", operator.package]),
        "check that go reaches its module proxy",
    )?;
    let mut list = go.command(&operator.module());
    let listed = list.args(["list", "-m", "-f", "{{.Dir}}", operator.package]).output()?;
    Ok(PathBuf::from(String::from_utf8_lossy(&listed.stdout).trim()))
}

/// Writes the copy and a module that builds it, and returns the folder of that module.
///
/// # Errors
/// When the sources cannot be downloaded or copied, or a list of imports is not as expected.
pub fn with_aws_only(go: &Go) -> Result<PathBuf> {
    let (operator, original) = (operator(), module(go)?);
    let builder = go::caches().join("operator");
    let copy = builder.join("copy");
    if builder.exists() {
        fs::remove_dir_all(&builder).with_context(|| format!("cannot remove {}", builder.display()))?;
    }
    copy_folder(&original, &copy)?;
    for (file, kept) in LISTS {
        let path = copy.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let kept = kept.map(|package| format!("{}/{package}", operator.package));
        let shorter = shortened(&text, kept.as_deref()).with_context(|| format!("{file} of the operator"))?;
        fs::write(&path, shorter).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let required = fs::read_to_string(operator.module().join("go.mod"))?;
    fs::write(builder.join("go.mod"), format!("{required}\nreplace {} => ./copy\n", operator.package))?;
    fs::copy(operator.module().join("go.sum"), builder.join("go.sum"))?;
    Ok(builder)
}

/// The file without the packages that it imports for their registration, except `kept`.
fn shortened(text: &str, kept: Option<&str>) -> Result<String> {
    let registers = |line: &&str| line.trim_start().starts_with("_ \"");
    let stays = |line: &str| kept.is_some_and(|package| line.trim() == format!("_ \"{package}\""));
    ensure!(text.lines().any(|line| registers(&line)), "it imports nothing for its registration");
    ensure!(kept.is_none() || text.lines().any(stays), "it does not import {}", kept.unwrap_or_default());
    let lines = text.lines().filter(|line| !registers(line) || stays(line));
    Ok(lines.flat_map(|line| [line, "\n"]).collect())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "package register\n\nimport (\n\t_ \"x.io/o/pkg/provider/aws\"\n\t_ \"x.io/o/pkg/provider/awsome\"\n\t_ \"x.io/o/pkg/provider/vault\"\n)\n";

    #[test]
    fn only_the_kept_package_stays_registered() {
        let kept = shortened(LIST, Some("x.io/o/pkg/provider/aws")).ok();
        assert_eq!(
            kept.as_deref(),
            Some("package register\n\nimport (\n\t_ \"x.io/o/pkg/provider/aws\"\n)\n")
        );
        assert_eq!(shortened(LIST, None).ok().as_deref(), Some("package register\n\nimport (\n)\n"));
    }

    #[test]
    fn a_list_without_the_kept_package_or_without_packages_is_an_error() {
        assert!(shortened(LIST, Some("x.io/o/pkg/provider/gcp")).is_err());
        assert!(shortened("package register\n", None).is_err());
    }
}
