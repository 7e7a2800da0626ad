//! The commands inside the sentences of a page. The page's test prepares a scene for each command and runs it.

mod cluster;
mod rotation;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud, on_the_cluster};
use serde_json::json;
use testbed::cloud::{App, Cloud, random_text, route_to, tag, workspace};
use testbed::playbook::{Page, Sentence, commands_in_sentences, netrc};

use super::open;
use crate::kubernetes::routed::{LIMIT, RECEIPT, until};
use crate::support::current_logs_in;

/// The pages with commands in their sentences. Each has its test here.
const RUN: [&str; 7] = [
    "admin-locked-out.md",
    "delivery-failing.md",
    "leaked-credential.md",
    "out-of-use.md",
    "rotation-failing.md",
    "secret-due.md",
    "when-nothing-works.md",
];

/// A page, and the values for its words in capital letters.
struct Scene {
    page: Page,
    words: BTreeMap<&'static str, String>,
}

impl Scene {
    fn open(cloud: &Cloud, page: &str, words: &[(&'static str, &str)]) -> Result<Self> {
        let words = words.iter().map(|(word, value)| (*word, (*value).to_owned())).collect();
        Ok(Self { page: open(cloud, page)?, words })
    }

    fn next(&mut self) -> Option<Sentence> {
        self.page.next_sentence()
    }

    async fn run(&self, sentence: &Sentence) -> Result<String> {
        self.page.say(sentence, &self.words).await
    }
}

/// A rotated application whose secret was delivered to its own namespace.
pub(super) async fn delivered_app(cloud: &Cloud, name: &str) -> Result<App> {
    let app = cloud.create_app(name).await?;
    cloud.rotate_successfully(&app.arn).await?;
    cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, name, &[]).await?;
    cloud.set_tags(&app.arn, &route_to(name, name)).await?;
    cloud.deliver(&app.arn).await?.value()?;
    Ok(app)
}

/// Waits for the rotation that a sentence has started. Returns its version.
async fn rotated(cloud: &Cloud, app: &App) -> Result<String> {
    let rotation = cloud.aws.wait_for_rotation(&app.arn, None, LIMIT).await?;
    ensure!(rotation.outcome == "succeeded", "{rotation:?}");
    current_logs_in(cloud, &app.arn).await?;
    Ok(rotation.version_id)
}

/// Waits for its delivery, too. Before it, the next rotation would be refused.
async fn rotated_and_delivered(cloud: &Cloud, app: &App) -> Result<()> {
    let version = rotated(cloud, app).await?;
    cloud.wait_for_tag(&app.arn, RECEIPT, &version, LIMIT).await
}

#[test]
fn there_is_no_command_in_a_sentence_of_a_page_that_no_test_runs() -> Result<()> {
    let mut pages = Vec::new();
    let mut commands = Vec::new();
    for page in std::fs::read_dir(workspace().join("infra/playbooks"))? {
        let page = page?;
        let found = commands_in_sentences(&std::fs::read_to_string(page.path())?);
        if !found.is_empty() {
            pages.push(page.file_name().to_string_lossy().into_owned());
        }
        commands.extend(found);
    }
    pages.sort();
    ensure!(pages == RUN, "each page with a command in a sentence needs its test here: {pages:?}");
    for (program, at_least) in [("aws", 30), ("kubectl", 15), ("curl", 1), ("openssl", 1), ("shred", 2)] {
        let found = commands.iter().filter(|command| command.contains(&format!("{program} "))).count();
        ensure!(found >= at_least, "only {found} commands of {program} were found: have the pages changed?");
    }
    Ok(())
}

#[test]
fn the_sentences_about_a_locked_out_admin_are_run() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("locked-sentence")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let mut scene = Scene::open(cloud, "admin-locked-out.md", &[("SECRET", &app.arn)])?;
        let netrc = netrc(cloud, scene.page.folder())?;
        scene.page.set("NETRC", &netrc);
        while let Some(sentence) = scene.next() {
            scene.run(&sentence).await?;
            if sentence.has("shred") {
                ensure!(!std::path::Path::new(&netrc).exists(), "the file with the password was left");
            } else {
                rotated(cloud, &app).await?;
            }
        }
        Ok(())
    })
}

#[test]
fn the_sentence_about_a_leaked_admin_secret_is_run() -> Result<()> {
    on_the_cloud(async |cloud| {
        let admin = cloud.create_admin(&name("leaked-sentence"), &json!({"password": "leaked"})).await?;
        let mut scene = Scene::open(cloud, "leaked-credential.md", &[("ADMIN_SECRET", &admin)])?;
        let mut value = cloud.value(&admin, "AWSCURRENT").await?;
        value["password"] = json!(random_text(32)?);
        std::fs::write(scene.page.folder().join("admin.json"), value.to_string())?;
        while let Some(sentence) = scene.next() {
            scene.run(&sentence).await?;
            ensure!(cloud.value(&admin, "AWSCURRENT").await? == value, "it was not stored");
        }
        Ok(())
    })
}

#[test]
fn the_sentence_about_a_secret_without_a_policy_is_run() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = format!("partner/{}", name("due-sentence"));
        let create = cloud.secrets.create_secret().name(&own).secret_string("{}");
        let tags = [("rotation-watch/max-age-days", "90"), ("rotation-watch/owner", "payments")];
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
        let arn = create.set_tags(Some(tags)).send().await?.arn.context("no ARN")?;
        let mut scene = Scene::open(cloud, "secret-due.md", &[])?;
        scene.page.set("SECRET", &own);
        while let Some(sentence) = scene.next() {
            scene.run(&sentence).await?;
            for key in ["rotation-watch/max-age-days", "rotation-watch/owner"] {
                ensure!(cloud.tag_of(&arn, key).await?.is_none(), "{key} is still there");
            }
        }
        Ok(())
    })
}

#[test]
fn the_sentences_about_the_day_when_nothing_works_are_run() -> Result<()> {
    on_the_cluster(async |cloud| {
        let own = name("repaired-sentence");
        let app = delivered_app(cloud, &own).await?;
        let words = [("NAMESPACE", own.as_str()), ("NAME", own.as_str())];
        let mut scene = Scene::open(cloud, "when-nothing-works.md", &words)?;
        scene.page.set("SECRET", &app.arn);
        let object = async || -> Result<serde_json::Value> {
            cloud.kubernetes()?.external_secret(&own, &own).await?.context("no ExternalSecret")
        };
        while let Some(sentence) = scene.next() {
            let before = object().await?["status"]["syncedResourceVersion"].clone();
            scene.run(&sentence).await?;
            if sentence.has("by-hand=") {
                ensure!(object().await?["metadata"]["annotations"]["by-hand"].is_string(), "no annotation");
                let synced = async || Ok(object().await?["status"]["syncedResourceVersion"] != before);
                until("the operator reads the secret again", synced).await?;
            } else {
                rotated_and_delivered(cloud, &app).await?;
            }
        }
        Ok(())
    })
}
