//! The credentials in a mounted Secret.
//!
//! Kubernetes writes each version of a Secret to a new folder. Then it changes the link `..data` to that folder in one step.
//! So this module reads both files in the target of that link. Through the paths `username` and `password`, it could get
//! the user of one version and the password of the next. An environment variable or a volume with `subPath` never changes.

use std::io;
use std::path::{Path, PathBuf};

/// The folder of a mounted Secret.
#[derive(Debug)]
pub struct MountedSecret {
    folder: PathBuf,
}

/// A version of the Secret: the folder in the volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(PathBuf);

/// A user and its password from one version.
pub struct Credentials {
    /// The version that contains them.
    pub version: Version,
    /// The broker user.
    pub username: String,
    pub(crate) password: String,
}

impl MountedSecret {
    /// The Secret that is mounted to `folder`.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The current version in the volume.
    ///
    /// # Errors
    /// When the folder is not a mounted Secret.
    pub fn version(&self) -> io::Result<Version> {
        std::fs::read_link(self.folder.join("..data")).map(Version)
    }

    /// The current credentials in the volume.
    ///
    /// # Errors
    /// When they are missing. This also happens if Kubernetes replaces the version at the same time. Then retry.
    pub fn read(&self) -> io::Result<Credentials> {
        let version = self.version()?;
        let file = |name: &str| std::fs::read_to_string(self.folder.join(&version.0).join(name));
        let (username, password) = (file("username")?, file("password")?);
        Ok(Credentials { version, username, password })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The output omits the password.
        formatter.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Writes a version as kubelet does: first the folder, then the link.
    fn project(folder: &Path, version: &str, username: &str, password: &str) -> io::Result<()> {
        let data = folder.join(version);
        std::fs::create_dir_all(&data)?;
        std::fs::write(data.join("username"), username)?;
        std::fs::write(data.join("password"), password)?;
        symlink(version, folder.join("..data_tmp"))?;
        std::fs::rename(folder.join("..data_tmp"), folder.join("..data"))
    }

    #[test]
    fn both_files_come_from_the_version_that_the_link_names() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("cookie-store-credentials-{}", std::process::id()));
        let secret = MountedSecret::at(&folder);
        assert!(secret.read().is_err(), "there is no Secret yet");
        project(&folder, "..1", "payment", "first")?;
        let first = secret.read()?;
        assert_eq!((first.username.as_str(), first.password.as_str()), ("payment", "first"));
        project(&folder, "..2", "payment_clone", "second")?;
        assert_ne!(secret.version()?, first.version);
        let second = secret.read()?;
        assert_eq!((second.username.as_str(), second.password.as_str()), ("payment_clone", "second"));
        assert!(!format!("{second:?}").contains("second"), "{second:?}");
        std::fs::remove_dir_all(&folder)
    }
}
