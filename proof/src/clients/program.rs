//! The programs and how they are started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use testbed::cloud::workspace;
use testbed::process::find_program;

/// The folder in which `cargo xtask clients` builds, relative to the repository's root.
const BUILT: &str = "target/clients";
/// The Python of the venv with the packages of `examples/clients/requirements.txt`.
const PYTHON: &str = "target/tools/clients/bin/python";
const EXAMPLES: &str = "examples/clients";
/// Several JVMs share two cores and the memory of a small machine.
const JVM: [&str; 3] = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m"];

/// A client library, by the folder of its example. Spring has two examples in one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Rust.
    Lapin,
    /// Python, blocking.
    Pika,
    /// Python with asyncio.
    AioPika,
    /// Go.
    Amqp091Go,
    /// Java, RabbitMQ's own client.
    Java,
    /// Node.js.
    Amqplib,
    /// Spring Boot with a mounted volume.
    Spring,
    /// Spring Boot with the reload of Spring Cloud Kubernetes.
    SpringReload,
}

impl Client {
    /// All clients.
    pub const ALL: [Self; 8] = [
        Self::Lapin,
        Self::Pika,
        Self::AioPika,
        Self::Amqp091Go,
        Self::Java,
        Self::Amqplib,
        Self::Spring,
        Self::SpringReload,
    ];
    /// Those that every run of the tests includes. Their toolchains are there anyway.
    pub const IN_EVERY_TEST: [Self; 3] = [Self::Lapin, Self::Pika, Self::AioPika];

    /// The name of the client, which is also that of its queue.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lapin => "lapin",
            Self::Pika => "pika",
            Self::AioPika => "aio-pika",
            Self::Amqp091Go => "amqp091-go",
            Self::Java => "java",
            Self::Amqplib => "amqplib",
            Self::Spring => "spring",
            Self::SpringReload => "spring-reload",
        }
    }

    /// Whether the program ends with the status that a JVM has after SIGTERM.
    pub(super) fn runs_on_a_jvm(self) -> bool {
        matches!(self, Self::Java | Self::Spring | Self::SpringReload)
    }

    /// Whether `program` and its packages are there.
    pub(super) fn ensure_built(self, programs: &Path) -> Result<()> {
        for file in self.files(programs) {
            let next = "`cargo xtask clients` installs and builds the clients";
            ensure!(file.exists(), "{} of the client {} is missing: {next}", file.display(), self.name());
        }
        Ok(())
    }

    fn files(self, programs: &Path) -> Vec<PathBuf> {
        let built = workspace().join(BUILT);
        match self {
            Self::Lapin => vec![programs.join("lapin-client")],
            Self::Pika | Self::AioPika => vec![workspace().join(PYTHON), self.script()],
            Self::Amqp091Go => vec![built.join("amqp091-go/client")],
            Self::Java => vec![built.join("java/target/classes"), built.join("java/target/dependency")],
            Self::Amqplib => vec![built.join("amqplib/client.js"), built.join("amqplib/node_modules")],
            Self::Spring | Self::SpringReload => vec![built.join("spring/target/client.jar")],
        }
    }

    fn script(self) -> PathBuf {
        workspace().join(EXAMPLES).join(self.name()).join("client.py")
    }

    /// The program, without its arguments.
    pub(super) fn command(self, programs: &Path) -> Result<Command> {
        let files = self.files(programs);
        let [first, rest @ ..] = files.as_slice() else { bail!("{} has no program", self.name()) };
        Ok(match self {
            Self::Lapin | Self::Amqp091Go => Command::new(first),
            Self::Pika | Self::AioPika => {
                let mut command = Command::new(first);
                // It writes no compiled files into the sources.
                command.arg("-B").args(rest);
                command
            }
            Self::Amqplib => {
                let mut command = Command::new(find("node")?);
                command.arg(first);
                command
            }
            Self::Java => {
                let mut command = Command::new(find("java")?);
                let libraries = rest.first().map(|folder| folder.join("*")).unwrap_or_default();
                let class_path = format!("{}:{}", first.display(), libraries.display());
                command.args(JVM).arg("-cp").arg(class_path).arg("client.Main");
                command
            }
            Self::Spring | Self::SpringReload => {
                let mut command = Command::new(find("java")?);
                command.args(JVM).arg("-jar").arg(first);
                command
            }
        })
    }
}

fn find(program: &str) -> Result<PathBuf> {
    find_program(program).with_context(|| format!("{program} is not in PATH: run `cargo xtask clients`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_a_name_of_its_own_a_page_and_an_example() {
        for (number, client) in Client::ALL.into_iter().enumerate() {
            assert!(Client::ALL[..number].iter().all(|other| other.name() != client.name()));
            let example = client.name().trim_end_matches("-reload");
            assert!(workspace().join(EXAMPLES).join(example).is_dir(), "{example}");
            let page = workspace().join("docs/src/clients").join(format!("{example}.md"));
            assert!(page.is_file(), "{}", page.display());
        }
    }

    #[test]
    fn a_client_that_is_not_built_names_the_command_that_builds_it() {
        let missing = Client::Lapin.ensure_built(Path::new("/nonexistent"));
        let message = missing.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("lapin-client") && message.contains("cargo xtask clients"), "{message}");
    }
}
