//! `release`: builds the files of a release in `target/release-VERSION`.
//!
//! The commit is built twice, in two folders with different names. The bytes of the zips must be equal, so that a release
//! depends only on the sources, and not on folders or the time.

mod readiness;
mod released_template;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::package::{self, Architecture, FUNCTIONS, PROGRAMS};
use crate::{cargo_tool, disk, history, python, step, template, workspace};

/// The free GB that two builds of each architecture need.
const ROOM: u64 = 10;
/// The two folders. The lengths of their names differ, so that a path in a program changes the bytes after it.
const BUILDS: [&str; 2] = ["build", "second-build"];
const STACK: &str = "infra/template.yaml";
const SUMS: &str = "SHA256SUMS";

/// Makes the release of the version in `Cargo.toml`.
///
/// # Errors
/// When the sources are not ready for a release, a build fails, or the two builds differ.
pub fn run() -> Result<()> {
    let version = ready()?;
    disk::ensure_free(ROOM)?;
    let architectures = package::possible()?;
    let commit = git(&["rev-parse", "HEAD"])?;

    let work = workspace::target().join("release-builds");
    let builds = BUILDS.map(|name| work.join(name));
    for build in &builds {
        history::check_out(&commit, build)?;
        for architecture in &architectures {
            package::build(build, *architecture, &zips(build))?;
        }
    }
    let [build, second] = &builds;
    differences(&zips(build), &zips(second), &zip_names(&architectures))?;

    // The folder gets its final name when it is complete.
    let partial = work.join("release");
    history::clear(&partial)?;
    fs::rename(zips(build), &partial).context("cannot move the zips")?;
    templates(&version, &architectures, &partial)?;
    for architecture in &architectures {
        sboms(build, *architecture, &partial)?;
    }
    sums(&partial)?;
    let release = workspace::target().join(format!("release-{version}"));
    history::clear(&release)?;
    fs::rename(&partial, &release).with_context(|| format!("cannot write {}", release.display()))?;
    history::clear(&work)?;
    report(&release, &version, &commit, &architectures)
}

/// The version, if it can be released.
fn ready() -> Result<String> {
    let manifest = workspace::read("Cargo.toml")?;
    let version = readiness::version(&manifest).context("Cargo.toml has no version of the workspace")?;
    let status = workspace::output(workspace::program("git").args(["status", "--porcelain"]))?;
    let refusals = readiness::refusals(version, &workspace::read("CHANGELOG.md")?, &status);
    if !refusals.is_empty() {
        bail!("version {version} is not ready for a release\n  next: {}", refusals.join("\n  next: "));
    }
    Ok(version.to_owned())
}

fn git(arguments: &[&str]) -> Result<String> {
    Ok(workspace::output(workspace::program("git").args(arguments))?.trim().to_owned())
}

fn zips(build: &Path) -> PathBuf {
    build.join("target/zips")
}

fn zip_names(architectures: &[Architecture]) -> Vec<String> {
    let of = |architecture: &Architecture| {
        let zips = FUNCTIONS.map(|function| package::zip_name(function, *architecture));
        let programs = PROGRAMS.map(|program| package::program_name(program, *architecture));
        zips.into_iter().chain(programs).collect::<Vec<_>>()
    };
    architectures.iter().flat_map(of).collect()
}

/// Fails when a file is not the same in both folders.
fn differences(first: &Path, second: &Path, names: &[String]) -> Result<()> {
    let mut different = Vec::new();
    for name in names {
        let [one, other] = [first, second].map(|folder| fs::read(folder.join(name)));
        let read = || format!("cannot read {name}");
        if one.with_context(read)? != other.with_context(read)? {
            different.push(name.as_str());
        }
    }
    if !different.is_empty() {
        bail!(
            "two builds of the same commit differ: {}\n  next: compare the programs in {} and {}",
            different.join(", "),
            first.display(),
            second.display()
        );
    }
    eprintln!("  ok      two builds of {} zips are equal", names.len());
    Ok(())
}

/// Writes the templates with their version. The stack's template deploys the zips, so each architecture has its own.
fn templates(version: &str, architectures: &[Architecture], release: &Path) -> Result<()> {
    let mut written = Vec::new();
    for file in template::all()? {
        let text = released_template::with_version(&workspace::read(&file)?, version)?;
        let name = file.rsplit('/').next().unwrap_or(&file);
        if file == STACK {
            for architecture in architectures {
                let path = release.join(format!("template-{}.yaml", architecture.name()));
                fs::write(&path, released_template::with_zips(&text, *architecture)?)?;
                written.push(path);
            }
        } else {
            let path = release.join(name);
            fs::write(&path, text)?;
            written.push(path);
        }
    }
    let mut lint = workspace::program(python::programs(&python::LINT)?.join("cfn-lint"));
    step::quiet("cfn-lint of the release's templates", lint.args(written), "see xtask/src/release")
}

/// Writes the SBOM of each function and program, in the format of `CycloneDX`.
fn sboms(source: &Path, architecture: Architecture, release: &Path) -> Result<()> {
    let mut cyclonedx = workspace::program(cargo_tool::program(&cargo_tool::CYCLONEDX)?);
    cyclonedx.current_dir(source).args(["cyclonedx", "--format", "json", "--spec-version", "1.5"]);
    cyclonedx.args(["--target", architecture.triple()]);
    // Without this variable, the tool writes the current time and a random number.
    cyclonedx.env("SOURCE_DATE_EPOCH", git(&["log", "-1", "--format=%ct"])?);
    let what = format!("list the dependencies of the functions for {}", architecture.name());
    step::quiet(&what, &mut cyclonedx, "check that cargo reaches the registry, then repeat the command")?;
    for function in FUNCTIONS.into_iter().chain(PROGRAMS) {
        let written = source.join(function).join(format!("{function}.cdx.json"));
        let list =
            fs::read_to_string(&written).with_context(|| format!("no list of {function} was written"))?;
        let name = format!("{function}-{}.cdx.json", architecture.name());
        fs::write(release.join(name), without_folder(&list, source))?;
    }
    Ok(())
}

/// Removes the build folder from the list, because the tool names the crates of the workspace by their folders.
fn without_folder(list: &str, folder: &Path) -> String {
    list.replace(&*folder.to_string_lossy(), "")
}

fn sums(release: &Path) -> Result<()> {
    let names = names(release)?;
    let sums = workspace::output(workspace::program("sha256sum").current_dir(release).arg("--").args(names))?;
    fs::write(release.join(SUMS), sums).context("cannot write the checksums")
}

/// The files of a folder, sorted.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn report(release: &Path, version: &str, commit: &str, made: &[Architecture]) -> Result<()> {
    println!();
    for name in names(release)? {
        package::print_size(&release.join(name))?;
    }
    println!("\nversion {version} of commit {commit}, for {}", architecture_names(made));
    for missing in [Architecture::Arm64, Architecture::X86_64].iter().filter(|one| !made.contains(one)) {
        let (name, triple) = (missing.name(), missing.triple());
        println!("not for {name}: Rust's library for it is not installed (rustup target add {triple})");
    }
    Ok(())
}

fn architecture_names(architectures: &[Architecture]) -> String {
    architectures.iter().map(|architecture| architecture.name()).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_that_differ_are_named() -> Result<()> {
        let folder = workspace::target().join(format!("tmp/xtask-release-{}", std::process::id()));
        let [first, second] = BUILDS.map(|name| folder.join(name));
        for (build, bytes) in [(&first, "one"), (&second, "two")] {
            fs::create_dir_all(build)?;
            fs::write(build.join("equal.zip"), "same")?;
            fs::write(build.join("other.zip"), bytes)?;
        }
        let check = |names: &[&str]| {
            differences(&first, &second, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        let [equal, different, missing] =
            [&["equal.zip"][..], &["equal.zip", "other.zip"], &["none.zip"]].map(check);
        fs::remove_dir_all(&folder)?;
        equal?;
        let different = different.unwrap_err().to_string();
        assert!(different.starts_with("two builds of the same commit differ: other.zip\n"), "{different}");
        assert_eq!(missing.unwrap_err().to_string(), "cannot read none.zip");
        Ok(())
    }

    #[test]
    fn every_function_has_a_zip_for_each_architecture() {
        let names = zip_names(&[Architecture::Arm64, Architecture::X86_64]);
        assert_eq!(names.len(), 2 * (FUNCTIONS.len() + PROGRAMS.len()));
        assert_eq!(names.first().map(String::as_str), Some("rotation-mq-arm64.zip"));
    }

    #[test]
    fn a_list_of_dependencies_does_not_name_the_machines_folders() {
        let list = r#"{"bom-ref": "path+file:///home/me/build/contract#0.1.0"}"#;
        let expected = r#"{"bom-ref": "path+file:///contract#0.1.0"}"#;
        assert_eq!(without_folder(list, Path::new("/home/me/build")), expected);
    }
}
