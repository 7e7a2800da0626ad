//! Programs from Debian packages.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::{step, workspace};

/// A program that a command needs.
#[derive(Debug)]
pub struct Needed {
    pub program: &'static str,
    pub package: &'static str,
    pub why: &'static str,
}

/// The programs that the testbed needs for its broker, and the programs that the commands of the playbooks need.
pub const BROKER: [Needed; 6] = [
    Needed {
        program: "mmdebstrap",
        package: "mmdebstrap",
        why: "unpacks RabbitMQ from Debian's packages without installing it",
    },
    Needed { program: "bwrap", package: "bubblewrap", why: "runs RabbitMQ with its own libraries" },
    Needed {
        program: "setpriv",
        package: "util-linux",
        why: "ends child processes together with the testbed",
    },
    Needed { program: "jq", package: "jq", why: "the playbooks' commands read JSON with it" },
    Needed {
        program: "curl",
        package: "curl",
        why: "the playbooks' commands send requests to the broker with it",
    },
    Needed {
        program: "openssl",
        package: "openssl",
        why: "the playbooks' commands show a certificate with it",
    },
];

/// The programs that the AWS emulator alone needs.
pub const EMULATOR: [Needed; 2] = [
    Needed {
        program: "bwrap",
        package: "bubblewrap",
        why: "ends the functions of the AWS emulator together with it",
    },
    Needed {
        program: "setpriv",
        package: "util-linux",
        why: "ends child processes together with the testbed",
    },
];

/// The programs that synthesize `examples/cdk`, and run the Node.js client of `examples/clients`.
pub const NODE: [Needed; 2] = [
    Needed { program: "node", package: "nodejs", why: "runs JavaScript" },
    Needed { program: "npm", package: "npm", why: "installs JavaScript packages in target/" },
];

/// The programs that build and run the JVM clients of `examples/clients`.
pub const JAVA: [Needed; 3] = [
    Needed { program: "java", package: "default-jdk-headless", why: "runs the clients on the JVM" },
    Needed { program: "javac", package: "default-jdk-headless", why: "compiles the clients on the JVM" },
    Needed { program: "mvn", package: "maven", why: "downloads their libraries to target/clients" },
];

/// Checks shell scripts.
pub const SHELLCHECK: Needed =
    Needed { program: "shellcheck", package: "shellcheck", why: "checks the shell scripts" };

/// Installs the missing programs of `needed`.
///
/// # Errors
/// When they cannot be installed; the message names the packages.
pub fn ensure(needed: &[Needed]) -> Result<()> {
    let missing: Vec<&Needed> =
        needed.iter().filter(|needed| workspace::find(needed.program).is_none()).collect();
    for needed in &missing {
        eprintln!("missing: `{}` ({})", needed.program, needed.why);
    }
    let mut packages: Vec<&str> = missing.iter().map(|needed| needed.package).collect();
    // One package may contain several programs.
    packages.dedup();
    install(&packages)
}

/// Installs Debian packages, as root or with sudo.
///
/// # Errors
/// As [`ensure`].
pub fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    if workspace::find("apt-get").is_none() {
        bail!(
            "apt-get is missing: install these Debian packages, or the same programs from other packages: {names}"
        );
    }
    let root = is_root()?;
    if !root && workspace::find("sudo").is_none() {
        bail!("no root permissions and no sudo: run this command as root: apt-get install {names}");
    }
    let next = format!("read the message above, or run `apt-get install {names}` yourself");
    let update = ["update", "--quiet"];
    let install = ["install", "--yes", "--no-install-recommends"];
    if root {
        let update = &mut apt_get(&update);
        step::quiet("apt-get update", update, "check this machine's package sources")?;
        let install = &mut apt_get(&install);
        step::quiet(&format!("apt-get install {names}"), install.args(packages), &next)
    } else {
        // The output is shown, because sudo may ask for a password.
        let update = &mut sudo(&update);
        step::shown("sudo apt-get update", update, "check this machine's package sources")?;
        let install = &mut sudo(&install);
        step::shown(&format!("sudo apt-get install {names}"), install.args(packages), &next)
    }
}

/// Not owned, like sudo: if this process ends, dpkg must continue.
fn apt_get(arguments: &[&str]) -> Command {
    let mut command = workspace::unowned("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn sudo(arguments: &[&str]) -> Command {
    let mut command = workspace::unowned("sudo");
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
    command
}

fn is_root() -> Result<bool> {
    let answer =
        workspace::unowned("id").arg("-u").stdin(Stdio::null()).output().context("cannot run `id`")?;
    Ok(answer.stdout.trim_ascii() == b"0")
}
