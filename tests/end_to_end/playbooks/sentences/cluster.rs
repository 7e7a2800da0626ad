//! Sentences about the cluster, and about the removal of secrets, users and namespaces.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, workspace};
use testbed::kubernetes::CLUSTER;
use testbed::playbook::Sentence;

use super::{Scene, delivered_app, rotated_and_delivered};
use crate::kubernetes::routed::{RECEIPT, until};
use crate::support::run_cli;

const STORE: &str = "secret2eks/store";
const OWNER: &str = "secret2eks/secret-arn";

/// The expected output of some commands.
const SAYS: [(&str, &str); 8] = [
    ("describe externalsecret", "secret2eks/version-id"),
    ("describe secretstore", "store validated"),
    ("show-managed-fields", "secret2eks"),
    ("lookup-events", "Events"),
    ("cluster.status", "ACTIVE"),
    ("list-access-entries", "role/"),
    ("api-versions", "external-secrets.io/v1"),
    ("readyz", "readyz check passed"),
];

/// A routed secret whose namespace, ExternalSecret and broker user have one name.
struct Subject {
    cloud: &'static Cloud,
    name: String,
    arn: String,
}

impl Subject {
    async fn external_secret(&self) -> Result<Option<Value>> {
        self.cloud.kubernetes()?.external_secret(&self.name, &self.name).await
    }

    async fn owner(&self) -> Result<Value> {
        let object = self.external_secret().await?.context("no ExternalSecret")?;
        Ok(object["metadata"]["annotations"][OWNER].clone())
    }

    /// Waits until deliveries end with this kind, or succeed if it is empty.
    async fn delivers(&self, kind: &str) -> Result<()> {
        let what = format!("a delivery ends with `{kind}`");
        let mut last = String::new();
        let delivered = until(&what, async || {
            let answer = self.cloud.deliver(&self.arn).await?;
            last = format!("{answer:?}");
            Ok(answer.kind() == kind)
        })
        .await;
        delivered.with_context(|| format!("the last ended as {last}"))
    }

    /// The fault at the time when a reader comes to that sentence of delivery-failing.md.
    async fn break_for(&self, sentence: &Sentence) -> Result<()> {
        if sentence.has("Key=secret2eks/delivered") {
            self.cloud.set_tags(&self.arn, &[(RECEIPT, "an older one")]).await?;
        } else if sentence.has("Key=secret2eks/store") {
            self.cloud.set_tags(&self.arn, &[(STORE, "aws")]).await?;
            self.delivers("delivery.tags_invalid").await?;
        } else if sentence.has("WORKING") {
            let mut value = self.cloud.value(&self.arn, "AWSCURRENT").await?;
            value["password"] = json!("not the password of this user");
            let put = self.cloud.secrets.put_secret_value().secret_id(&self.arn);
            put.secret_string(value.to_string()).send().await?;
            self.delivers("delivery.held_back").await?;
        } else if sentence.has("label namespace") {
            self.cloud.set_tags(&self.arn, &[("tenant", &self.name)]).await?;
            self.delivers("delivery.tenant_mismatch").await?;
        } else if sentence.has("secret-arn=") {
            let without = json!({"metadata": {"annotations": {OWNER: null}}});
            self.cloud.kubernetes()?.edit_external_secret(&self.name, &self.name, &without).await?;
        } else if sentence.has("delete secret") {
            let kubernetes = self.cloud.kubernetes()?;
            // The sentences before have removed the object from the secret.
            let owned = json!({"metadata": {"annotations": {OWNER: self.arn}}});
            kubernetes.edit_external_secret(&self.name, &self.name, &owned).await?;
            self.delivers("").await?;
            let immutable = json!({"spec": {"target": {"immutable": true}}});
            kubernetes.edit_external_secret(&self.name, &self.name, &immutable).await?;
            until("the Kubernetes Secret is immutable", async || {
                kubernetes.is_immutable(&self.name, &self.name).await
            })
            .await?;
            // The operator cannot write the next version.
            self.cloud.rotate_successfully(&self.arn).await?;
            self.delivers("delivery.not_synced").await?;
        }
        Ok(())
    }

    /// The result that the sentence promises.
    async fn look(&self, sentence: &Sentence, said: &str) -> Result<()> {
        if sentence.has("Key=secret2eks/delivered") {
            let current = self.cloud.version(&self.arn, "AWSCURRENT").await?;
            ensure!(self.cloud.tag_of(&self.arn, RECEIPT).await? == current, "the receipt was not set");
        } else if ["Key=secret2eks/store", "label namespace", "apply -f before.yaml", "WORKING"]
            .iter()
            .any(|cure| sentence.has(cure))
        {
            self.delivers("").await?;
        } else if sentence.has("delete externalsecret") {
            ensure!(self.external_secret().await?.is_none(), "it is still there");
        } else if sentence.has("delete secret") {
            self.delivers("").await?;
            ensure!(!self.cloud.kubernetes()?.is_immutable(&self.name, &self.name).await?, "it is immutable");
        } else if sentence.has("secret-arn=") {
            ensure!(self.owner().await? == self.arn.as_str(), "it was not given to the secret");
            self.delivers("").await?;
        } else if sentence.has("secret-arn-") {
            ensure!(self.owner().await?.is_null(), "it is still the secret's");
        } else if sentence.has("delete rolebinding") {
            self.delivers("cluster.access_denied").await?;
        } else if let Some((_, words)) = SAYS.iter().find(|(command, _)| sentence.has(command)) {
            ensure!(said.contains(words), "it should say `{words}`: {said}");
        }
        Ok(())
    }
}

#[test]
fn the_sentences_about_a_delivery_are_run() -> Result<()> {
    on_the_cluster(async |cloud| {
        let own = name("delivery-sentence");
        let arn = delivered_app(cloud, &own).await?.arn;
        let version = cloud.version(&arn, "AWSCURRENT").await?.context("nothing is current")?;
        let words = [
            ("NAMESPACE", own.as_str()),
            ("NAME", &own),
            ("TENANT", &own),
            ("STORE", "aws"),
            ("CLUSTER", CLUSTER),
            ("ARN", &arn),
            ("VERSION_ID", &version),
        ];
        let mut scene = Scene::open(cloud, "delivery-failing.md", &words)?;
        scene.page.set("SECRET", &arn);
        scene.page.set("DELIVERY", cloud.delivery_function()?);
        let subject = Subject { cloud, name: own.clone(), arn: arn.clone() };
        while let Some(sentence) = scene.next() {
            subject.break_for(&sentence).await?;
            if sentence.has("WORKING") {
                for (word, stage) in [("REFUSED", "AWSCURRENT"), ("WORKING", "AWSPREVIOUS")] {
                    let version = cloud.version(&arn, stage).await?.context("no such version")?;
                    scene.words.insert(word, version);
                }
            }
            let said = scene.run(&sentence).await?;
            subject.look(&sentence, &said).await.with_context(|| sentence.to_string())?;
        }
        Ok(())
    })
}

#[test]
fn the_sentences_about_what_goes_out_of_use_are_run() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let run = leave(cloud).await;
        // Other tests continue with the cluster, whatever the result.
        let access = std::fs::read_to_string(workspace().join("infra/kubernetes/access.yaml"))?;
        cloud.kubernetes()?.apply_manifests(&access).await?;
        run
    })
}

async fn leave(cloud: &'static Cloud) -> Result<()> {
    let own = name("leaving-sentence");
    let app = delivered_app(cloud, &own).await?;
    let subject = Subject { cloud, name: own.clone(), arn: app.arn.clone() };
    let words = [("NAMESPACE", own.as_str()), ("NAME", &own), ("SECRET", &app.arn)];
    let mut scene = Scene::open(cloud, "out-of-use.md", &words)?;
    let stack = format!("store-{own}-aws");
    scene.page.set("SECRET", &app.arn);
    scene.page.set("STACK", &stack);
    while let Some(sentence) = scene.next() {
        if sentence.has("restore-secret") {
            cloud.secrets.delete_secret().secret_id(&app.arn).send().await?;
        } else if sentence.has("stack-delete-complete") {
            run_cli(cloud, &["cloudformation", "delete-stack", "--stack-name", &stack]).await?;
        }
        scene.run(&sentence).await?;
        if sentence.has("rotate-secret") {
            rotated_and_delivered(cloud, &app).await?;
        } else if sentence.has("restore-secret") {
            let described = cloud.secrets.describe_secret().secret_id(&app.arn).send().await?;
            ensure!(described.deleted_date.is_none(), "it is still deleted");
        } else if sentence.has("delete externalsecret") {
            until("the ExternalSecret is deleted", async || {
                let is_gone = subject.external_secret().await?.is_none();
                if !is_gone {
                    // A delivery in progress has created it again. For this case, the page says to repeat the
                    // command.
                    scene.run(&sentence).await?;
                }
                Ok(is_gone)
            })
            .await?;
        } else if sentence.has("delete -f") {
            subject.delivers("cluster.access_denied").await?;
        } else if sentence.has("apply -f") {
            subject.delivers("").await?;
        } else {
            subject.look(&sentence, "").await.with_context(|| sentence.to_string())?;
        }
    }
    Ok(())
}
