//! Commands of `secops` in a page. Its exit codes are part of what a page promises.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::{Page, Sentence, script};

/// How a command of `secops` ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code: 0 if all is well, 1 if something failed or needs a person.
    pub code: i32,
    /// What it printed for a program.
    pub output: String,
    /// What it printed for a person: its progress, and the reason if it failed.
    pub messages: String,
}

impl Page {
    /// Puts `secops` into the session. It works on `stack`, and its questions are answered with yes, because a test has no
    /// terminal.
    ///
    /// # Errors
    /// When the program was not built, or the session's folder cannot be written.
    pub fn install_secops(&self, program: &Path, stack: &str) -> Result<()> {
        ensure!(program.is_file(), "{} was not built", program.display());
        let text = format!("#!/bin/sh\nexec '{}' --stack '{stack}' --yes \"$@\"\n", program.display());
        script(&self.folder.join("bin/secops"), &text)
    }

    /// The next command of `secops`; `None` after the last. A command that the page repeats comes once.
    pub fn next_of_secops(&mut self) -> Option<Sentence> {
        let text = self.of_secops.get(self.next_of_secops)?.clone();
        self.next_of_secops += 1;
        Some(self.sentence(text))
    }

    /// Runs a command of `secops` with `words` as the placeholders' values.
    ///
    /// # Errors
    /// When a placeholder has no value, or a signal ended the command.
    pub async fn ask_secops(&self, sentence: &Sentence, words: &BTreeMap<&str, String>) -> Result<Ended> {
        let mut run = self.session(&self.typed(sentence, words)?)?;
        let output = tokio::task::spawn_blocking(move || run.output()).await??;
        Ok(Ended {
            code: output.status.code().with_context(|| format!("a signal ended {sentence}"))?,
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            messages: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}
