//! The operator's custom resources.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use serde_json::Value;

use super::Kubernetes;

/// The custom resources that the controller requires with the options used here. The operator has some twenty more.
const NEEDED: [&str; 4] = [
    "external-secrets.io_secretstores.yaml",
    "external-secrets.io_clustersecretstores.yaml",
    "external-secrets.io_externalsecrets.yaml",
    "generators.external-secrets.io_generatorstates.yaml",
];
const ESTABLISHED: Duration = Duration::from_secs(30);

/// Applies the required custom resources and waits until the API server serves them. Without them, the controller ends.
pub(super) async fn apply(cluster: &Kubernetes, folder: &Path) -> Result<()> {
    let mut names = Vec::new();
    for file in NEEDED {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut definition: Value = serde_saphyr::from_str(&text).with_context(|| file.to_owned())?;
        // It names a webhook that does not run here. Only one version is served, so there is nothing to convert.
        if let Some(spec) = definition["spec"].as_object_mut() {
            spec.remove("conversion");
        }
        names.push(definition["metadata"]["name"].as_str().context("no name")?.to_owned());
        cluster.apply(None, &definition).await?;
    }
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.admin()?);
    let started = Instant::now();
    for name in names {
        while !is_established(&definitions.get(&name).await?) {
            ensure!(started.elapsed() < ESTABLISHED, "the API server does not serve {name}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Established" && condition.status == "True")
}
