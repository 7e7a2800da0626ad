//! The admission policies of `infra/kubernetes/admission.yaml`, in force on the real API server.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, workspace};

use super::routed::{NAMESPACE, Routed, until};

/// Runs kubectl as the admin of the cluster. Returns its output.
fn kubectl(cloud: &Cloud, arguments: &[&str]) -> Result<String> {
    let kubernetes = cloud.kubernetes()?;
    let config = kubernetes.folder().join("admission-kubeconfig");
    kubernetes.write_admin_kubeconfig(&config)?;
    let output = Command::new(kubernetes.kubectl()).env("KUBECONFIG", &config).args(arguments).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "kubectl {arguments:?}: {}", text(&output.stderr));
    Ok(text(&output.stdout))
}

/// Runs `test` while the policies are in force.
pub async fn under_the_policies(cloud: &Cloud, test: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let manifest = workspace().join("infra/kubernetes/admission.yaml").display().to_string();
    let outcome = async {
        kubectl(cloud, &["apply", "-f", &manifest])?;
        test().await
    }
    .await;
    kubectl(cloud, &["delete", "-f", &manifest])?;
    outcome
}

/// An ExternalSecret from the admin of a namespace, with `change` in its specification.
fn manifest(namespace: &str, change: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": {"name": "steal", "namespace": namespace},
        "spec": {
            "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
            "target": {"name": "stolen"},
            "data": [{"secretKey": "x", "remoteRef": {"key": "rabbitmq/own", "property": "username"}}],
        },
    });
    for (field, value) in change.as_object().into_iter().flatten() {
        object["spec"][field] = value.clone();
    }
    object
}

fn template(template: &Value) -> Value {
    json!({"target": {"name": "stolen", "template": template}})
}

async fn refusal(cloud: &Cloud, object: &Value) -> Result<Option<String>> {
    let applied = cloud.kubernetes()?.apply_manifests(&object.to_string()).await;
    Ok(applied.err().map(|error| format!("{error:#}")))
}

async fn is_denied(cloud: &Cloud, object: &Value, words: &str) -> Result<()> {
    let refused = refusal(cloud, object).await?.with_context(|| format!("it was accepted: {object}"))?;
    ensure!(refused.contains(words), "{refused}");
    Ok(())
}

#[test]
fn in_a_tenants_namespace_a_template_cannot_read_another_tenants_secret() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let (victim, thief) = (name("victim"), name("thief"));
        kubernetes.create_namespace(&victim, &[("tenant", "victim")]).await?;
        kubernetes.create_namespace(&thief, &[("tenant", "thief")]).await?;
        let getter = format!("{{{{ getSecretKey \"payment-broker\" \"{victim}\" \"password\" }}}}");
        let attack = manifest(&thief, &template(&json!({"engineVersion": "v2", "data": {"loot": getter}})));
        let words = "a template only places fetched fields into text";
        under_the_policies(cloud, async || {
            // The policies check only changes, so each probe uses another object.
            until("the policies are in force", async || {
                let mut probe = attack.clone();
                probe["metadata"]["name"] = json!(name("probe"));
                Ok(refusal(cloud, &probe).await?.is_some())
            })
            .await?;
            is_denied(cloud, &attack, words).await?;
            for texts in ["labels", "annotations"] {
                let metadata = json!({"metadata": {texts: {"loot": getter}}});
                is_denied(cloud, &manifest(&thief, &template(&metadata)), words).await?;
            }
            let from = json!({"templateFrom": [{"literal": getter}]});
            is_denied(cloud, &manifest(&thief, &template(&from)), "`spec.target.template.templateFrom`").await?;
            for source in [
                json!({"secretStoreRef": {"kind": "ClusterSecretStore", "name": "all"}}),
                json!({"dataFrom": [{"extract": {"key": "rabbitmq/own"},
                    "rewrite": [{"transform": {"template": getter}}]}]}),
                json!({"dataFrom": [{"sourceRef": {"generatorRef": {"kind": "ClusterGenerator", "name": "all"}}}]}),
                json!({"data": [{"secretKey": "x", "remoteRef": {"key": "x"},
                    "sourceRef": {"storeRef": {"kind": "ClusterSecretStore", "name": "all"}}}]}),
            ] {
                is_denied(cloud, &manifest(&thief, &source), "in a tenant's namespace").await?;
            }
            let uri = "amqps://{{ .x }}:{{- .x | urlquery -}}@host/{vhost}";
            let placement = template(&json!({"data": {"uri": uri, "lines": "a {\n{{.x | toJson}}\n}"}}));
            ensure!(refusal(cloud, &manifest(&thief, &placement)).await?.is_none(), "a placement was refused");
            Ok(())
        })
        .await?;
        ensure!(kubernetes.secret(&thief, "stolen").await?.is_none(), "it was stolen");
        Ok(())
    })
}

#[test]
fn what_secret2eks_manages_takes_no_template_and_no_other_source_and_is_delivered() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let secret = Routed::delivered(cloud, &name("managed"), &[]).await?;
        let object = secret.external_secret().await?;
        let kubernetes = cloud.kubernetes()?;
        under_the_policies(cloud, async || {
            let edit = async |spec: &Value| {
                let edited =
                    kubernetes.edit_external_secret(NAMESPACE, &secret.name, &json!({"spec": spec})).await;
                anyhow::Ok(edited.err().map(|error| format!("{error:#}")))
            };
            let immutable = json!({"target": {"immutable": true}});
            // The policies check only changes, so each probe uses another one.
            until("the policies are in force", async || {
                let mut probe = object["spec"]["data"].clone();
                probe[0]["remoteRef"]["version"] = json!(format!("uuid/{}", name("probe")));
                Ok(edit(&json!({"data": probe})).await?.is_some())
            })
            .await?;
            kubernetes
                .edit_external_secret(NAMESPACE, &secret.name, &json!({"spec": object["spec"]}))
                .await?;
            let (mut sourced, mut pinned) = (object["spec"]["data"].clone(), object["spec"]["data"].clone());
            sourced[0]["sourceRef"] = json!({"storeRef": {"name": "other"}});
            pinned[0]["remoteRef"]["version"] = json!("AWSPREVIOUS");
            for spec in [
                immutable,
                json!({"target": {"template": {"data": {"password": "old"}}}}),
                json!({"dataFrom": [{"extract": {"key": "rabbitmq/other"}}]}),
                json!({"data": sourced}),
                json!({"data": pinned}),
            ] {
                let refused = edit(&spec).await?.with_context(|| format!("it was accepted: {spec}"))?;
                ensure!(refused.contains("an ExternalSecret that secret2eks manages"), "{refused}");
            }
            let version = secret.put("second").await?;
            secret.deliver().await?;
            secret.arrived("second").await?;
            secret.receipt(&version).await?;
            let made = Routed::delivered(cloud, &name("managed"), &[]).await?;
            made.receipt(&made.current().await?).await
        })
        .await
    })
}
