//! The secret that the commands of a page are about, and what each command promises.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, programs};
use serde_json::Value;
use testbed::cloud::{App, Cloud, STACK};
use testbed::playbook::{Ended, Page, Sentence};

use super::super::open;
use crate::kubernetes::routed::RECEIPT;
use crate::support::current_logs_in;

/// Commands that only look. They end with 1 if something needs a person, such as a secret of another test.
const LOOKS: [&str; 5] =
    ["secops status", "secops inspect", "secops incidents", "secops due", "secops doctor"];

fn looks(command: &Sentence) -> bool {
    LOOKS.iter().any(|look| command.has(look)) && !command.has("incidents close")
}

/// A secret that has rotated twice, and a page about it.
pub struct Subject {
    cloud: &'static Cloud,
    page: Page,
    app: App,
    words: BTreeMap<&'static str, String>,
    /// The stack that the commands work on.
    pub stack: String,
    /// A secret that people rotate and that is due.
    pub due: Option<String>,
}

/// What stands where before a command.
struct Before {
    current: String,
    previous: String,
    value: Value,
    previous_value: Value,
}

impl Subject {
    pub fn open(cloud: &'static Cloud, page: &str, app: App) -> Result<Self> {
        let mut page = open(cloud, page)?;
        page.set("SECRET", &format!("rabbitmq/{}", app.user));
        page.set("REASON", "a test's \"ticket\"");
        let words = [("SECRET", app.arn.as_str()), ("KIND", "pair.taken"), ("REASON", "ticket")];
        let words = words.map(|(word, value)| (word, value.to_owned())).into();
        Ok(Self { cloud, page, app, words, stack: STACK.to_owned(), due: None })
    }

    pub fn next(&mut self) -> Option<Sentence> {
        self.page.next_of_secops()
    }

    /// Runs a command of the page as a reader does, and checks its result.
    pub async fn run(&mut self, command: &Sentence) -> Result<()> {
        if command.has("--version") || command.has("secops adopt") {
            // The command before may have cut off the previous version.
            self.cloud.rotate_successfully(&self.app.arn).await?;
        }
        let before = self.before().await?;
        self.look_up(&before);
        let stack = if command.has("secops doctor") {
            self.stack_without_secrets().await?
        } else {
            self.stack.clone()
        };
        self.page.install_secops(&programs()?.join("secops"), &stack)?;
        let ended = self.page.ask_secops(command, &self.words).await?;
        let is_look = looks(command);
        ensure!(ended.code == 0 || is_look && ended.code == 1, "{ended:?}");
        self.promised(command, &before, &ended).await.with_context(|| format!("{ended:?}"))
    }

    async fn before(&self) -> Result<Before> {
        let (cloud, arn) = (self.cloud, self.app.arn.as_str());
        Ok(Before {
            current: cloud.version(arn, "AWSCURRENT").await?.context("nothing is current")?,
            previous: cloud.version(arn, "AWSPREVIOUS").await?.context("nothing is previous")?,
            value: cloud.value(arn, "AWSCURRENT").await?,
            previous_value: cloud.value(arn, "AWSPREVIOUS").await?,
        })
    }

    /// What the reader types for the words and variables of the page.
    fn look_up(&mut self, before: &Before) {
        let user = before.previous_value["username"].as_str().unwrap_or_default().to_owned();
        for (variable, value) in [("LEAKED", &before.previous), ("ADOPTED", &user)] {
            self.page.set(variable, value);
        }
        for word in ["VERSION_ID", "WORKING"] {
            self.words.insert(word, before.previous.clone());
        }
        self.words.insert("USER", user);
    }

    /// `secops doctor` inspects every secret of its stack. Those of the other tests are not its subject here.
    async fn stack_without_secrets(&self) -> Result<String> {
        let (stack, prefix) = (name("doctor-page"), format!("{}/", name("doctored")));
        self.cloud.deploy_variant(&stack, &[("SecretNamePrefix", &prefix)], &[]).await?;
        Ok(stack)
    }

    /// What the page promises of that command.
    async fn promised(&self, command: &Sentence, before: &Before, ended: &Ended) -> Result<()> {
        let (cloud, arn) = (self.cloud, self.app.arn.as_str());
        let says = |words: &str| ended.output.contains(words);
        let current = cloud.version(arn, "AWSCURRENT").await?.context("nothing is current")?;
        if command.has("secops rotate") {
            ensure!(current != before.current, "it was not rotated");
            current_logs_in(cloud, arn).await?;
        } else if command.has("secops revoke") {
            let leaked = if command.has("--version") { &before.previous_value } else { &before.value };
            ensure!(!cloud.logs_in(leaked).await?, "the leaked credentials still log in");
            current_logs_in(cloud, arn).await?;
        } else if command.has("secops rollback") {
            ensure!(current == before.previous, "AWSCURRENT did not move");
            current_logs_in(cloud, arn).await?;
        } else if command.has("secops adopt") {
            ensure!(says("belongs to"), "it does not say whose the user is");
        } else if command.has("secops deliver") {
            ensure!(cloud.tag_of(arn, RECEIPT).await?.as_ref() == Some(&current), "there is no receipt");
        } else if command.has("secops status \"") || command.has("secops inspect") {
            ensure!(says(&self.app.user), "it does not name the user");
        } else if command.has("secops explain") {
            ensure!(says("pair.taken") && says("adopt"), "it does not show the section");
        } else if let Some(due) = self.due.as_deref().filter(|_| command.has("secops due")) {
            ensure!(says(due), "it does not name the secret that is due");
        }
        if looks(command) {
            ensure!(current == before.current && !ended.output.is_empty(), "a look changes nothing");
        }
        Ok(())
    }
}
