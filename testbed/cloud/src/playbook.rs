//! A playbook as a shell session. Its commands run one after the other, as a person types them. A test that skips a
//! command fails.

mod secops;
mod sentence;
mod text;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cloud::{Cloud, workspace};
use anyhow::{Context as _, Result, bail, ensure};

pub use self::secops::Ended;
pub use self::sentence::Sentence;
pub use self::text::{commands_in_sentences, secops_commands};

/// The shell blocks of a page, the commands in its sentences, and the values of its placeholders.
#[derive(Debug)]
pub struct Page {
    name: String,
    blocks: Vec<String>,
    next: usize,
    sentences: Vec<String>,
    next_sentence: usize,
    of_secops: Vec<String>,
    next_of_secops: usize,
    folder: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Page {
    /// Opens a page of `infra/playbooks` for a session in `folder`, against `cloud`.
    ///
    /// # Errors
    /// When there is no such page, or the folder cannot be used.
    pub fn open(cloud: &Cloud, name: &str, folder: &Path) -> Result<Self> {
        let path = workspace().join("infra/playbooks").join(name);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let folder = folder.to_owned();
        std::fs::create_dir_all(folder.join("bin"))?;
        let cli = cloud.aws.cli();
        let program = cli.get_program().to_string_lossy().into_owned();
        // Version 1 of the CLI ignores the variable for SQS.
        let aws = format!("#!/bin/sh\nexec '{program}' --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n");
        script(&folder.join("bin/aws"), &aws)?;
        let mut environment: BTreeMap<String, String> = cli
            .get_envs()
            .filter_map(|(key, value)| Some((key.to_str()?.to_owned(), value?.to_str()?.to_owned())))
            .collect();
        let path = format!("{}/bin:/usr/local/bin:/usr/bin:/bin", folder.display());
        environment.insert("PATH".to_owned(), path);
        environment.insert("HOME".to_owned(), folder.display().to_string());
        environment.insert("CURL_CA_BUNDLE".to_owned(), cloud.certificates.ca_pem().display().to_string());
        environment.insert("MANAGEMENT_URL".to_owned(), cloud.broker.management_url());
        if let Ok(kubernetes) = cloud.kubernetes() {
            std::os::unix::fs::symlink(kubernetes.kubectl(), folder.join("bin/kubectl"))?;
            let kubeconfig = folder.join("kubeconfig");
            kubernetes.write_admin_kubeconfig(&kubeconfig)?;
            environment.insert("KUBECONFIG".to_owned(), kubeconfig.display().to_string());
        }
        // A user of a page runs its commands in the repository's root.
        std::os::unix::fs::symlink(workspace().join("infra"), folder.join("infra"))?;
        Ok(Self {
            name: name.to_owned(),
            blocks: text::blocks(&text)?,
            next: 0,
            sentences: text::commands_in_sentences(&text),
            next_sentence: 0,
            of_secops: text::secops_commands(&text),
            next_of_secops: 0,
            folder,
            environment,
        })
    }

    /// Sets what the user types for a placeholder (`export NAME=...`).
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// The folder in which the commands run.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The text of the next block.
    #[must_use]
    pub fn next_block(&self) -> &str {
        self.blocks.get(self.next).map_or("", String::as_str)
    }

    /// Runs the next block. Returns what it printed.
    ///
    /// # Errors
    /// When there is none, or a command in it fails.
    pub async fn run(&mut self) -> Result<String> {
        let block =
            self.blocks.get(self.next).with_context(|| format!("{} has no more blocks", self.name))?;
        self.next += 1;
        self.run_block(block).await
    }

    /// Runs an earlier block again, as the page says to undo or to check something: the last block, or the one `back`
    /// blocks before it.
    ///
    /// # Errors
    /// When there is none, or a command in it fails.
    pub async fn again(&self, back: usize) -> Result<String> {
        let at = self.next.checked_sub(back + 1).context("there is no such block")?;
        let block = self.blocks.get(at).context("there is no such block")?;
        self.run_block(block).await
    }

    /// Skips the next block, which contains `words` and is for another case.
    ///
    /// # Errors
    /// When the next block is another one.
    pub fn pass(&mut self, words: &str) -> Result<()> {
        let block =
            self.blocks.get(self.next).with_context(|| format!("{} has no more blocks", self.name))?;
        ensure!(block.contains(words), "the next block of {} is:\n{block}", self.name);
        self.next += 1;
        Ok(())
    }

    /// Checks that every block was run.
    ///
    /// # Errors
    /// When a block was not run.
    pub fn end(self) -> Result<()> {
        let left = self.blocks.len() - self.next;
        ensure!(left == 0, "{left} blocks of {} were not run: {:?}", self.name, self.blocks.get(self.next));
        Ok(())
    }

    /// The next block has the variables that this block sets, as in one terminal.
    fn session(&self, block: &str) -> Result<Command> {
        let mut text = String::from("set -euao pipefail\n[ -f state ] && . ./state\n");
        for (name, value) in &self.environment {
            writeln!(text, "{name}='{}'", value.replace('\'', r"'\''"))?;
        }
        for line in block.lines() {
            let name = line.strip_prefix("export ").and_then(|rest| rest.split_once('='));
            match name {
                Some((name, _)) if self.environment.contains_key(name) => {}
                Some((name, value)) if value.starts_with("...") || value.contains("://...") => {
                    bail!("{}: nothing was typed for {name}", self.name)
                }
                _ => writeln!(text, "{line}")?,
            }
        }
        text.push_str("\nset +a\nexport -p >state\n");
        let path = self.folder.join("block.sh");
        std::fs::write(&path, text)?;
        let mut bash = Command::new("bash");
        bash.arg(path).current_dir(&self.folder).env_clear();
        Ok(bash)
    }

    async fn run_block(&self, block: &str) -> Result<String> {
        let run = self.session(block)?;
        finished(run).await.with_context(|| format!("block {} of {} failed", self.next, self.name))
    }
}

/// What a command printed. If it failed, the error contains its output and its messages.
async fn finished(mut run: Command) -> Result<String> {
    let output = tokio::task::spawn_blocking(move || run.output()).await??;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{out}{err}");
    Ok(out.into_owned())
}

/// Writes a netrc file for the broker's administrator that only its owner can read. Returns its path.
///
/// The file contains a password. Its folder `administrator` is therefore known to the search for passwords.
/// `admin.netrc` in `folder` is a link to it.
///
/// # Errors
/// When it cannot be written.
pub fn netrc(cloud: &Cloud, folder: &Path) -> Result<String> {
    let private = folder.join("administrator");
    std::fs::create_dir_all(&private)?;
    let path = private.join("admin.netrc");
    std::os::unix::fs::symlink(&path, folder.join("admin.netrc"))?;
    let broker = &cloud.broker;
    let line =
        format!("machine localhost login {} password {}\n", broker.admin_user(), broker.admin_password());
    std::fs::write(&path, line)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(path.display().to_string())
}

/// Writes an executable script.
///
/// # Errors
/// When it cannot be written.
pub fn script(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?)
}
