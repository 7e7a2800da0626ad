//! Sentences about a rotation that fails.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::{App, Cloud};
use testbed::playbook::Sentence;

use super::{Scene, rotated};
use crate::support::run_cli;

const TAG: &str = "rotation-mq";
const PIN: &str = "rotation-mq/user";
const OTHER_KEY: &str = "Rotation-MQ";

/// A rotated secret, and an admin secret that no other test uses.
struct Subject {
    cloud: &'static Cloud,
    app: App,
    admin: String,
    /// A disabled customer-managed key.
    key: String,
}

impl Subject {
    /// The values that the reader of that sentence looks up, or the earlier changes to the secret.
    async fn prepare(&self, sentence: &Sentence, scene: &mut Scene) -> Result<()> {
        if sentence.has("update-secret-version-stage") {
            for (word, stage) in [("OLD", "AWSPREVIOUS"), ("NEW", "AWSCURRENT")] {
                let version = self.cloud.version(&self.app.arn, stage).await?;
                scene.words.insert(word, version.with_context(|| format!("nothing is {stage}"))?);
            }
        } else if sentence.has("cancel-key-deletion") {
            run_cli(self.cloud, &["kms", "schedule-key-deletion", "--key-id", &self.key]).await?;
        } else if sentence.has("restore-secret") {
            self.cloud.secrets.delete_secret().secret_id(&self.app.arn).send().await?;
        } else if sentence.has(PIN) {
            self.cloud.set_tags(&self.app.arn, &[(PIN, "another")]).await?;
        } else if sentence.has("OTHER_KEY") {
            self.cloud.set_tags(&self.app.arn, &[(OTHER_KEY, "rotate")]).await?;
        } else if sentence.has(" tag-resource") {
            self.cloud.set_tags(self.tagged(sentence), &[(TAG, "other")]).await?;
        }
        Ok(())
    }

    /// The result that the sentence promises.
    async fn look(&self, sentence: &Sentence, said: &str, scene: &Scene) -> Result<()> {
        let arn = self.app.arn.as_str();
        let described = self.cloud.secrets.describe_secret().secret_id(arn).send().await?;
        let file = scene.page.folder().join("value.json");
        if let Some((_, words)) = SAYS.iter().find(|(command, _)| sentence.has(command)) {
            ensure!(said.contains(words), "it should say `{words}`: {said}");
        } else if let Some((_, state)) = KEY_STATES.iter().find(|(command, _)| sentence.has(command)) {
            let key = run_cli(self.cloud, &["kms", "describe-key", "--key-id", &self.key]).await?;
            ensure!(key["KeyMetadata"]["KeyState"] == *state, "it should be {state}: {key}");
        } else if sentence.has("filter-log-events") {
            ensure!(said.contains(arn), "the log names the secret: {said}");
        } else if sentence.has(" rotate-secret") {
            rotated(self.cloud, &self.app).await?;
        } else if sentence.has("get-secret-value") {
            let text = std::fs::read_to_string(&file)?;
            ensure!(text.contains(&self.app.user), "the file holds no value");
            ensure!(is_private(&file)?, "others may read the file with the value");
        } else if sentence.has("shred") {
            ensure!(!file.exists(), "the file with the value was left");
        } else if sentence.has("update-secret-version-stage") {
            let current = self.cloud.version(arn, "AWSCURRENT").await?;
            ensure!(current.as_ref() == scene.words.get("OLD"), "AWSCURRENT did not move");
        } else if sentence.has("cancel-rotate-secret") {
            ensure!(described.rotation_enabled != Some(true), "rotation is still on");
        } else if sentence.has("restore-secret") {
            ensure!(described.deleted_date.is_none(), "it is still deleted");
        } else if sentence.has("delete-secret") {
            ensure!(described.deleted_date.is_some(), "it is not deleted");
            self.cloud.secrets.restore_secret().secret_id(arn).send().await?;
        } else if sentence.has(PIN) {
            let pin = self.cloud.tag_of(arn, PIN).await?;
            ensure!(pin.as_deref() == Some(self.app.user.as_str()), "the secret is for {pin:?}");
        } else if sentence.has("OTHER_KEY") {
            ensure!(self.cloud.tag_of(arn, OTHER_KEY).await?.is_none(), "{OTHER_KEY} is still there");
        } else if sentence.has("tag-resource") {
            let tag = self.cloud.tag_of(self.tagged(sentence), TAG).await?;
            let wanted =
                ["admin", "rotate"].into_iter().find(|value| sentence.has(&format!("Value={value}")));
            ensure!(tag.as_deref() == wanted, "the tag is {tag:?}");
        }
        Ok(())
    }

    fn tagged(&self, sentence: &Sentence) -> &str {
        if sentence.has("ADMIN_SECRET") { &self.admin } else { &self.app.arn }
    }
}

/// The expected output of some commands.
const SAYS: [(&str, &str); 9] = [
    ("describe-key", "Disabled"),
    ("describe-secret", "AWSCURRENT"),
    ("get-policy", "secretsmanager.amazonaws.com"),
    ("list-brokers", "BrokerId"),
    ("describe-broker", "RUNNING"),
    ("openssl", "BEGIN CERTIFICATE"),
    ("curl", "not_authorized"),
    ("get-topic-attributes", "Principal"),
    ("get-queue-attributes", "sns.amazonaws.com"),
];

/// The state of a key after a command. A key whose deletion was cancelled is disabled.
const KEY_STATES: [(&str, &str); 3] =
    [("cancel-key-deletion", "Disabled"), ("enable-key", "Enabled"), ("disable-key", "Disabled")];

fn is_private(file: &std::path::Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::metadata(file)?.permissions().mode() & 0o077 == 0)
}

#[test]
fn the_sentences_about_a_rotation_are_run() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("rotation-sentence");
        let app = cloud.create_app(&own).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let admin = cloud.create_admin(&own, &json!({"password": "of nobody"})).await?;
        let port = cloud.broker.amqps_port().to_string();
        let key = run_cli(cloud, &["kms", "create-key"]).await?;
        let key = key["KeyMetadata"]["KeyId"].as_str().context("no key")?.to_owned();
        run_cli(cloud, &["kms", "disable-key", "--key-id", &key]).await?;
        let words = [
            ("KEY", key.as_str()),
            ("OTHER_KEY", OTHER_KEY),
            ("HOST", "localhost"),
            ("PORT", port.as_str()),
            ("BROKER_ID", &cloud.broker_id),
            ("ADMIN_SECRET", &admin),
            ("USER", &app.user),
            ("TOPIC_ARN", cloud.stack.output("DeadLetterTopicArn")?),
            ("QUEUE_URL", cloud.stack.output("DeadLetterQueueUrl")?),
        ];
        let mut scene = Scene::open(cloud, "rotation-failing.md", &words)?;
        scene.page.set("SECRET", &app.arn);
        scene.page.set("FUNCTION", cloud.stack.output("RotationFunctionName")?);
        scene.page.set("INCIDENTS", cloud.stack.output("IncidentsTableName")?);
        let subject = Subject { cloud, app, admin: admin.clone(), key: key.clone() };
        while let Some(sentence) = scene.next() {
            subject.prepare(&sentence, &mut scene).await?;
            let said = scene.run(&sentence).await?;
            subject.look(&sentence, &said, &scene).await.with_context(|| sentence.to_string())?;
        }
        Ok(())
    })
}
