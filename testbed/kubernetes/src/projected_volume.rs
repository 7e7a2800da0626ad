//! A Secret as the files of a volume, as kubelet writes them (`pkg/volume/util/atomic_writer.go` of Kubernetes). Each
//! version has its own folder. The symlink `..data` names the current one and is replaced in one step.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::Secret;
use sandbox::background::Background;
use tokio::sync::watch;

use super::Kubernetes;
use super::objects::{SecretData, decoded, follow};

const DATA: &str = "..data";
const NEW_DATA: &str = "..data_tmp";
/// How long to wait for a missing Secret.
const FIRST: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// A folder that follows a Secret until this is dropped. The files stay.
///
/// To read two keys of one version, open `..data` once and read both below it. The link may move between two reads of
/// `folder/key`.
#[derive(Debug)]
pub struct ProjectedVolume {
    folder: PathBuf,
    progress: watch::Receiver<Progress>,
    _background: Background,
}

#[derive(Debug, Default)]
struct Progress {
    versions: usize,
    problem: Option<String>,
}

impl ProjectedVolume {
    /// Projects the Secret into `folder`. Returns when its first version is written.
    ///
    /// A kubelet checks about once a minute. This one follows a watch, and writes nothing while the API server is down.
    ///
    /// # Errors
    /// When there is no such Secret within 30 s, or the folder cannot be written.
    pub async fn project(
        kubernetes: &Kubernetes,
        namespace: &str,
        secret: &str,
        folder: &Path,
    ) -> Result<Self> {
        let folder = std::path::absolute(folder)?;
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let clients = kubernetes.clients();
        let (report, mut progress) = watch::channel(Progress::default());
        let (namespace, name, target) = (namespace.to_owned(), secret.to_owned(), folder.clone());
        let work = move || async move {
            let written = |secret: Option<Secret>| -> Result<bool> {
                let data = secret.map(decoded).transpose()?;
                // A Secret that was deleted leaves its last version.
                if let Some(data) = data
                    && write(&target, &data)?
                {
                    report.send_modify(|progress| progress.versions += 1);
                }
                Ok(false)
            };
            loop {
                let followed = async { follow(&clients()?, &namespace, &name, written).await };
                // A watch ends when the API server restarts. The next one begins with the state at that time.
                let problem = followed.await.err().map(|error| format!("{error:#}"));
                report.send_modify(|progress| progress.problem = problem);
                tokio::time::sleep(PAUSE).await;
            }
        };
        let background = Background::run("projected volume", work)?;
        let first = progress.wait_for(|progress| progress.versions > 0);
        if tokio::time::timeout(FIRST, first).await.is_err() {
            bail!("Secret {secret} was not projected within {FIRST:?}: {:?}", progress.borrow().problem);
        }
        Ok(Self { folder, progress, _background: background })
    }

    /// The folder that an application reads as its mount.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of written versions.
    #[must_use]
    pub fn versions(&self) -> usize {
        self.progress.borrow().versions
    }
}

/// Writes a version, unless it is already current. Returns whether it was written.
fn write(folder: &Path, data: &SecretData) -> Result<bool> {
    let link = folder.join(DATA);
    let old = match fs::read_link(&link) {
        Ok(old) => Some(folder.join(old)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).context("the link to the current version cannot be read"),
    };
    if let Some(old) = &old
        && holds(old, data)
    {
        return Ok(false);
    }
    let name = version_name();
    let version = folder.join(&name);
    fs::create_dir(&version).with_context(|| version.display().to_string())?;
    for (key, value) in data {
        let file = version.join(key);
        let mut options = fs::OpenOptions::new();
        let mut file = options.create_new(true).write(true).mode(0o644).open(&file)?;
        std::io::Write::write_all(&mut file, value.as_bytes())?;
    }
    let new_link = folder.join(NEW_DATA);
    symlink(&name, &new_link).context("the link to the new version cannot be made")?;
    // This one step moves every reader from the old version to the new one.
    fs::rename(&new_link, &link).context("the link to the new version cannot be moved")?;
    update_visible_links(folder, data)?;
    if let Some(old) = old {
        fs::remove_dir_all(&old).with_context(|| old.display().to_string())?;
    }
    Ok(true)
}

fn holds(version: &Path, data: &SecretData) -> bool {
    let is_same = |(key, value): (&String, &String)| {
        fs::read_to_string(version.join(key)).is_ok_and(|written| written == *value)
    };
    let count = fs::read_dir(version).map(Iterator::count);
    count.is_ok_and(|count| count == data.len()) && data.iter().all(is_same)
}

/// Creates the link `username -> ..data/username` for each key, and removes the links of removed keys.
fn update_visible_links(folder: &Path, data: &SecretData) -> Result<()> {
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with("..") {
            there.insert(name);
        }
    }
    for key in data.keys().filter(|key| !there.contains(*key)) {
        symlink(Path::new(DATA).join(key), folder.join(key)).with_context(|| key.clone())?;
    }
    for gone in there.iter().filter(|name| !data.contains_key(*name)) {
        fs::remove_file(folder.join(gone)).with_context(|| gone.clone())?;
    }
    Ok(())
}

fn version_name() -> String {
    #[expect(clippy::disallowed_methods, reason = "the name says when the version was written")]
    let now = jiff::Timestamp::now();
    let random: u32 = rand::random();
    format!("{}.{random:010}", now.strftime("..%Y_%m_%d_%H_%M_%S"))
}
