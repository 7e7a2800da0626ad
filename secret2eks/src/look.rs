//! Looks at the cluster for `secops doctor`: the versions, the operator, the stores and namespaces of some secrets, and what
//! this function may do there. It changes nothing.
//!
//! If one thing cannot be read, the others are still answered. Only without a login, there is no answer.

use std::sync::Mutex;

use contract::{CLUSTER_LOOK_SCHEMA, ClusterLook, Finding, PlaceLook, StoreLook, StoreState, Tags, cut};
use lambda_boundary::causes;
use serde_json::Value;

use crate::Delivery;
use crate::deliver::connect;
use crate::error::DeliveryError;
use crate::external_secret::API_GROUP;
use crate::in_cluster::other_tenant;
use crate::kubernetes_api::{ApiError, KubernetesApi, Permission};
use crate::lanes::{in_lanes, locked};
use crate::route::{Mode, Route, Routing, Store, other_cluster, route};
use crate::secret_store::{Description, Standing, StoreError};
use crate::take_back::standing;

const EXTERNAL_SECRETS: &str = "externalsecrets";
/// What `infra/kubernetes/access.yaml` grants in the whole cluster.
const IN_THE_CLUSTER: [Permission; 2] = [
    Permission { verb: "get", group: "", resource: "namespaces" },
    Permission { verb: "list", group: API_GROUP, resource: EXTERNAL_SECRETS },
];
/// What it grants in each namespace that takes part.
const VERBS_IN_A_NAMESPACE: [&str; 4] = ["get", "create", "patch", "delete"];
/// The longest message of the operator in an answer.
const MESSAGE_LIMIT: usize = 500;

/// Looks at the cluster and at the places of `secrets`.
///
/// # Errors
/// When there is no login to the cluster.
pub async fn look(delivery: &Delivery, secrets: Vec<String>) -> Result<ClusterLook, DeliveryError> {
    // A new login: the answer is about now.
    delivery.cluster.forget().await;
    let (api, _) = connect(delivery).await?;
    let cluster = delivery.cluster.name().to_owned();
    // Every login may read the version, so an error here is one of the login.
    let kubernetes = api.kubernetes_version().await.map_err(|source| DeliveryError::Api {
        what: "read the version of Kubernetes".to_owned(),
        cluster: cluster.clone(),
        source,
    })?;
    let (versions, image, missing_permissions) =
        tokio::join!(api.served_versions(), api.operator_image(), missing(&api, &IN_THE_CLUSTER, None));
    let places = Mutex::new(Vec::new());
    in_lanes(secrets.into_iter().enumerate().collect(), async |(number, secret): (usize, String)| {
        let place = place(delivery, &api, secret).await;
        locked(&places).push((number, place));
    })
    .await;
    let mut places = std::mem::take(&mut *locked(&places));
    places.sort_by_key(|(number, _)| *number);
    Ok(ClusterLook {
        schema: CLUSTER_LOOK_SCHEMA.to_owned(),
        cluster,
        kubernetes: Some(kubernetes),
        api_versions: versions.ok(),
        operator: image.ok().flatten().as_deref().and_then(version_of).map(str::to_owned),
        missing_permissions,
        places: places.into_iter().map(|(_, place)| place).collect(),
    })
}

async fn place(delivery: &Delivery, api: &KubernetesApi, secret: String) -> PlaceLook {
    let nowhere = PlaceLook { secret: secret.clone(), ..PlaceLook::default() };
    let described = match standing(delivery, &secret).await {
        Ok(Standing::Exists(described)) => described,
        Ok(Standing::Deleted(_)) => {
            let missing = DeliveryError::Secret {
                what: "describe",
                secret: secret.clone(),
                source: StoreError::NotFound,
            };
            return PlaceLook { problem: Some(finding(&missing)), ..nowhere };
        }
        Err(error) => return PlaceLook { problem: Some(finding(&error)), ..nowhere },
    };
    if other_cluster(&described.tags, delivery.cluster.name()).is_some() {
        return nowhere;
    }
    match route(&described.tags) {
        Ok(Routing::NotForKubernetes) => nowhere,
        Ok(Routing::To(route)) => {
            let place = in_namespace(delivery, api, &described, &route).await;
            PlaceLook { secret, ..place }
        }
        Err(source) => {
            let error = DeliveryError::Tags { secret: described.arn, source };
            PlaceLook { is_for_this_cluster: true, problem: Some(finding(&error)), ..nowhere }
        }
    }
}

async fn in_namespace(
    delivery: &Delivery,
    api: &KubernetesApi,
    secret: &Description,
    route: &Route,
) -> PlaceLook {
    let namespace = route.namespace.as_str();
    let needed =
        VERBS_IN_A_NAMESPACE.map(|verb| Permission { verb, group: API_GROUP, resource: EXTERNAL_SECRETS });
    let (labels, store, missing_permissions) = tokio::join!(
        api.namespace_labels(namespace),
        store(api, route),
        missing(api, &needed, Some(namespace)),
    );
    let cluster = || delivery.cluster.name().to_owned();
    let (exists, problem) = match labels {
        Ok(Some(labels)) => {
            let of_namespace = labels.get(Tags::TENANT).map(String::as_str);
            (Some(true), other_tenant(&secret.arn, route, of_namespace))
        }
        Ok(None) => {
            let (secret, namespace) = (secret.arn.clone(), namespace.to_owned());
            (Some(false), Some(DeliveryError::NamespaceMissing { secret, namespace, cluster: cluster() }))
        }
        Err(source) => {
            let what = format!("read the namespace `{namespace}`");
            (None, Some(DeliveryError::Api { what, cluster: cluster(), source }))
        }
    };
    PlaceLook {
        secret: secret.arn.clone(),
        is_for_this_cluster: true,
        has_tenant: route.tenant.is_some(),
        problem: problem.as_ref().map(finding),
        namespace: Some(namespace.to_owned()),
        namespace_exists: exists,
        store,
        missing_permissions,
    }
}

async fn store(api: &KubernetesApi, route: &Route) -> Option<StoreLook> {
    let Mode::Apply { store, .. } = &route.mode else { return None };
    let (state, message) = match api.store(&route.namespace, store).await {
        Ok(object) => store_state(object.as_ref()),
        Err(error @ ApiError::ApiUnknown) => (StoreState::Missing, Some(error.to_string())),
        Err(error) => (StoreState::Unknown, Some(error.to_string())),
    };
    let Store { kind, name } = store;
    let message = message.map(|message| cut(&message, MESSAGE_LIMIT));
    Some(StoreLook { name: format!("{kind}/{name}"), state, message })
}

/// What the operator reports of a store.
fn store_state(object: Option<&Value>) -> (StoreState, Option<String>) {
    let Some(object) = object else { return (StoreState::Missing, None) };
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(ready) = conditions.iter().find(|condition| condition["type"] == "Ready") else {
        return (StoreState::NotReady, None);
    };
    let state = if ready["status"] == "True" { StoreState::Ready } else { StoreState::NotReady };
    (state, ready["message"].as_str().map(str::to_owned))
}

/// The permissions that this function does not have. One that cannot be found out counts as missing.
async fn missing(api: &KubernetesApi, needed: &[Permission], namespace: Option<&str>) -> Vec<String> {
    let mut missing = Vec::new();
    for permission in needed {
        match api.may(*permission, namespace).await {
            Ok(true) => {}
            Ok(false) => missing.push(permission.to_string()),
            Err(error) => missing.push(format!("{permission} ({error})")),
        }
    }
    missing
}

/// The tag of an image, if it is a version: `v2.9.0` of `ghcr.io/external-secrets/external-secrets:v2.9.0@sha256:…`.
fn version_of(image: &str) -> Option<&str> {
    let tagged = image.split('@').next()?;
    let (_, tag) = tagged.rsplit('/').next()?.split_once(':')?;
    tag.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit()).then_some(tag)
}

fn finding(error: &DeliveryError) -> Finding {
    let kind = error.kind();
    let message = std::iter::once(error.to_string()).chain(causes(error)).collect::<Vec<_>>().join(": ");
    Finding { kind, severity: kind.severity(), message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_version_of_the_operator_is_the_tag_of_its_image() {
        for (image, version) in [
            ("ghcr.io/external-secrets/external-secrets:v2.9.0", Some("v2.9.0")),
            ("oci.external-secrets.io/external-secrets/external-secrets:v2.9.0@sha256:0a", Some("v2.9.0")),
            ("registry.example.com:5000/external-secrets:2.9.0", Some("2.9.0")),
            ("registry.example.com:5000/external-secrets", None),
            ("external-secrets@sha256:0a", None),
            ("external-secrets:main", None),
            ("", None),
        ] {
            assert_eq!(version_of(image), version, "{image}");
        }
    }

    #[test]
    fn a_store_is_ready_only_if_the_operator_says_so() {
        let with = |status: &str| {
            json!({"status": {"conditions": [
                {"type": "Other", "status": "True"},
                {"type": "Ready", "status": status, "message": "said"},
            ]}})
        };
        let said = || Some("said".to_owned());
        for (object, expected) in [
            (None, (StoreState::Missing, None)),
            (Some(json!({})), (StoreState::NotReady, None)),
            (Some(with("True")), (StoreState::Ready, said())),
            (Some(with("False")), (StoreState::NotReady, said())),
            (Some(with("Unknown")), (StoreState::NotReady, said())),
        ] {
            assert_eq!(store_state(object.as_ref()), expected, "{object:?}");
        }
    }

    #[test]
    fn a_permission_is_written_as_kubectl_writes_it() {
        assert_eq!(IN_THE_CLUSTER[0].to_string(), "get namespaces");
        assert_eq!(IN_THE_CLUSTER[1].to_string(), "list externalsecrets.external-secrets.io");
    }
}
