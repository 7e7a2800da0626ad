//! `clients`: builds the clients of `examples/clients`, then starts the testbed's program, which runs them.
//!
//! Everything is in `target/clients`: a copy of each example, its libraries, and the caches of npm and Maven.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::go::Go;
use crate::{apt, python, step, testbed, workspace};

const EXAMPLES: &str = "examples/clients";
/// Files in the folder of each build.
const STAMP: &str = "built.txt";
/// The time of the first build of a JVM client, most of it for downloads.
const FIRST_MAVEN: Duration = Duration::from_mins(3);

/// What a client needs before it can run. lapin is built together with the testbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Toolchain {
    Python,
    Go,
    Node,
    Java,
    Spring,
}

/// The names of the clients that need each toolchain.
const NEEDED_BY: [(Toolchain, &[&str]); 5] = [
    (Toolchain::Python, &["pika", "aio-pika"]),
    (Toolchain::Go, &["amqp091-go"]),
    (Toolchain::Node, &["amqplib"]),
    (Toolchain::Java, &["java"]),
    (Toolchain::Spring, &["spring", "spring-reload"]),
];

/// Runs the chosen clients, or all.
///
/// # Errors
/// When a toolchain or a library cannot be installed, or a client does not compile.
pub fn run(arguments: &[String]) -> Result<()> {
    testbed::clients(arguments, || needed(arguments).into_iter().try_for_each(build))
}

fn needed(arguments: &[String]) -> Vec<Toolchain> {
    let is_named = |names: &[&str]| arguments.iter().any(|argument| names.contains(&argument.as_str()));
    let all: Vec<&str> = NEEDED_BY.iter().flat_map(|(_, names)| *names).copied().chain(["lapin"]).collect();
    let are_chosen = is_named(&all);
    let needed = NEEDED_BY.iter().filter(|(_, names)| !are_chosen || is_named(names));
    needed.map(|(toolchain, _)| *toolchain).collect()
}

fn build(toolchain: Toolchain) -> Result<()> {
    match toolchain {
        Toolchain::Python => python::programs(&python::CLIENTS).map(drop),
        Toolchain::Go => once("amqp091-go", |folder| {
            let mut build = Go::find()?.command(folder);
            build.args(["build", "-o", "client", "."]);
            step::long(
                "build the client amqp091-go",
                Duration::from_secs(40),
                &mut build,
                "check that go reaches its module proxy, then repeat the command",
            )
        }),
        Toolchain::Node => {
            apt::ensure(&apt::NODE)?;
            once("amqplib", |folder| {
                step::quiet(
                    "install the packages of the client amqplib",
                    &mut npm(folder),
                    "check that npm reaches a registry, then repeat the command",
                )
            })
        }
        Toolchain::Java => {
            maven("java", &["compile", "dependency:copy-dependencies", "-DincludeScope=runtime"])
        }
        Toolchain::Spring => maven("spring", &["package", "-DskipTests"]),
    }
}

fn maven(name: &str, goals: &[&str]) -> Result<()> {
    apt::ensure(&apt::JAVA)?;
    once(name, |folder| {
        step::long(
            &format!("build the client {name}"),
            FIRST_MAVEN,
            &mut maven_command(folder, goals),
            "check that Maven reaches its repository, then repeat the command",
        )
    })
}

/// Each download must have its checksum. Nothing is written outside of `target`.
fn maven_command(folder: &Path, goals: &[&str]) -> Command {
    let mut build = workspace::program("mvn");
    build.args(["--batch-mode", "--no-transfer-progress", "--strict-checksums"]).current_dir(folder);
    build.arg(format!("-Dmaven.repo.local={}", target().join("maven").display())).args(goals);
    build
}

/// No package runs a script, and npm writes nothing outside of the folder.
fn npm(folder: &Path) -> Command {
    let mut install = workspace::program("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--cache"]);
    install.arg(folder.join("npm-cache")).current_dir(folder);
    install
}

/// Copies an example to its folder in `target/clients` and calls `build` there, unless this was done for the same sources.
fn once(name: &str, build: impl Fn(&Path) -> Result<()>) -> Result<()> {
    let (folder, example) = (target().join(name), format!("{EXAMPLES}/{name}"));
    let stamp = folder.join(STAMP);
    let mut sources = String::new();
    let files = workspace::files(&[example.as_str()])?;
    for file in &files {
        sources.push_str(&format!("{file}\n{}\n", workspace::read(file)?));
    }
    if fs::read_to_string(&stamp).is_ok_and(|built| built == sources) {
        return Ok(());
    }
    // Libraries of an earlier build must not stay. Maven's and Go's caches are elsewhere.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    for file in &files {
        let name = Path::new(file).strip_prefix(&example).unwrap_or(Path::new(file));
        let to = folder.join(name);
        let parent = to.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        fs::copy(workspace::root().join(file), &to).with_context(|| format!("cannot copy {file}"))?;
    }
    build(&folder)?;
    // Written last, so that an interrupted build does not count as finished.
    fs::write(&stamp, sources).with_context(|| format!("cannot write {}", stamp.display()))
}

fn target() -> PathBuf {
    workspace::target().join("clients")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass_through;

    fn needed_by(line: &str) -> Vec<Toolchain> {
        needed(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn only_the_toolchains_of_the_chosen_clients_are_installed() {
        use Toolchain::{Go, Java, Node, Python, Spring};
        for (line, expected) in [
            ("", vec![Python, Go, Node, Java, Spring]),
            ("--short --broker forky", vec![Python, Go, Node, Java, Spring]),
            ("lapin", vec![]),
            ("pika aio-pika", vec![Python]),
            ("spring-reload lapin amqp091-go", vec![Go, Spring]),
        ] {
            assert_eq!(needed_by(line), expected, "{line}");
        }
    }

    #[test]
    fn every_client_that_the_help_names_has_a_toolchain_and_an_example() {
        let help = pass_through::help_of("clients").unwrap_or_default();
        let names = help.lines().filter_map(|line| line.trim_start().strip_prefix("- "));
        let names: Vec<&str> = names.filter_map(|line| line.split(':').next()).collect();
        assert_eq!(names.len(), 8);
        for name in names {
            let is_known = name == "lapin" || NEEDED_BY.iter().any(|(_, clients)| clients.contains(&name));
            assert!(is_known, "{name}");
            let example = workspace::root().join(EXAMPLES).join(name.trim_end_matches("-reload"));
            assert!(example.is_dir(), "{name}");
        }
    }

    #[test]
    fn maven_checks_each_download_and_writes_to_the_target_folder() {
        let command = maven_command(Path::new("/target/clients/java"), &["compile"]);
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert!(arguments.iter().any(|argument| argument == "--strict-checksums"), "{arguments:?}");
        let repository = format!("-Dmaven.repo.local={}", target().join("maven").display());
        assert!(arguments.iter().any(|argument| *argument == repository), "{arguments:?}");
    }

    #[test]
    fn the_locks_of_the_clients_name_each_package_with_its_hash_and_no_registry() -> Result<()> {
        let lock = workspace::read(&format!("{EXAMPLES}/amqplib/package-lock.json"))?;
        assert_eq!(lock.matches("\"integrity\": ").count(), lock.matches("\"node_modules/").count());
        assert!(!lock.contains("\"resolved\""));
        let sums = workspace::read(&format!("{EXAMPLES}/amqp091-go/go.sum"))?;
        assert!(sums.contains("github.com/rabbitmq/amqp091-go v1.16.0 h1:"));
        Ok(())
    }
}
