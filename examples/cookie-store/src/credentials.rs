//! The credentials in a mounted Secret.
//!
//! Kubernetes writes each version of a Secret into a folder of its own and then moves the link `..data` to it in one
//! step. So both files are read below the target of that link: through `username` and `password` themselves, the user of
//! one version could come with the password of the next. An environment variable would never change at all, and neither
//! does a volume with `subPath`.

use std::io;
use std::path::{Path, PathBuf};

/// A folder that a Secret is mounted to.
#[derive(Debug)]
pub struct MountedSecret {
    folder: PathBuf,
}

/// A version of the Secret, as the volume names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(PathBuf);

/// A user and its password, of one version.
pub struct Credentials {
    /// Where they come from.
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

    /// The version that the volume holds now.
    ///
    /// # Errors
    /// When the folder is not a mounted Secret.
    pub fn version(&self) -> io::Result<Version> {
        std::fs::read_link(self.folder.join("..data")).map(Version)
    }

    /// The credentials that the volume holds now.
    ///
    /// # Errors
    /// When they are not there. A version that is replaced at this very moment is gone as well: try again.
    pub fn read(&self) -> io::Result<Credentials> {
        let version = self.version()?;
        let file = |name: &str| std::fs::read_to_string(self.folder.join(&version.0).join(name));
        let (username, password) = (file("username")?, file("password")?);
        Ok(Credentials { version, username, password })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the password.
        formatter.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// As kubelet does it: a folder for the version, then the link.
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
