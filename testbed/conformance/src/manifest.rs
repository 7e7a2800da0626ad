//! What a run creates, written to disk before it exists. An interrupted run is cleaned up from here and from the tags.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

const FILE: &str = "manifest.jsonl";

/// The kinds of resources that a run creates itself. A stack's resources go with the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A secret, by its name.
    Secret,
    /// A stack of CloudFormation, by its name.
    Stack,
    /// A bucket of S3, by its name.
    Bucket,
}

impl Kind {
    /// The word for a person.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Stack => "stack",
            Self::Bucket => "bucket",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The account that it is created in.
    pub account: String,
    /// The region that it is created in.
    pub region: String,
    /// When the run was about to create it.
    pub at: String,
}

/// The manifest of one run.
#[derive(Debug, Clone)]
pub struct Manifest {
    folder: PathBuf,
}

impl Manifest {
    /// The manifest in a folder, which is created.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The folder of the run.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the entry to the disk. Only then calls `create`: if the line cannot be written, nothing is created.
    ///
    /// # Errors
    /// When the line cannot be written, or `create` fails.
    pub async fn before<T>(&self, entry: &Entry, create: impl Future<Output = Result<T>>) -> Result<T> {
        self.write(entry).context("nothing was created, because the manifest cannot be written")?;
        create.await
    }

    fn write(&self, entry: &Entry) -> Result<()> {
        let path = self.folder.join(FILE);
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(format!("{}\n", serde_json::to_string(entry)?).as_bytes())?;
        file.sync_all()?;
        Ok(())
    }

    /// All entries, in the order of their creation. Without a file, there are none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let path = self.folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            other => other.with_context(|| format!("cannot read {}", path.display()))?,
        };
        // The last line of a run that was killed may be incomplete. Then nothing was created after it.
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            kind: Kind::Secret,
            name: "conf-1/v1-0".into(),
            account: "000000000000".into(),
            region: "eu-central-1".into(),
            at: "2026-11-29T09:25:12Z".into(),
        }
    }

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("conformance-manifest-{name}-{}", std::process::id()))
    }

    #[tokio::test]
    async fn the_line_is_on_disk_before_the_create() -> Result<()> {
        let manifest = Manifest::in_folder(&folder("before"))?;
        let seen = manifest.before(&entry(), async { manifest.entries() }).await?;
        assert_eq!(seen, [entry()]);
        fs::remove_dir_all(manifest.folder())?;
        Ok(())
    }

    #[tokio::test]
    async fn without_a_line_nothing_is_created() -> Result<()> {
        let manifest = Manifest::in_folder(&folder("without"))?;
        // A folder in the place of the file: it cannot be opened, also by root.
        fs::create_dir(manifest.folder().join(FILE))?;
        let mut created = false;
        let outcome = manifest
            .before(&entry(), async {
                created = true;
                Ok(())
            })
            .await;
        assert!(outcome.is_err() && !created);
        fs::remove_dir_all(manifest.folder())?;
        Ok(())
    }

    #[test]
    fn half_a_line_is_ignored() -> Result<()> {
        let manifest = Manifest::in_folder(&folder("half"))?;
        let whole = serde_json::to_string(&entry())?;
        fs::write(manifest.folder().join(FILE), format!("{whole}\n{{\"kind\":\"sec"))?;
        assert_eq!(manifest.entries()?, [entry()]);
        fs::remove_dir_all(manifest.folder())?;
        Ok(())
    }
}
