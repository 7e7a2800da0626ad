//! Which objects of the cluster secret2eks has created. Only these may be taken back. Pure.

use contract::secret_suffix;
use serde_json::Value;

use super::sync::managers;
use super::{ARN_ANNOTATION, FIELD_MANAGER, LABEL, annotation, cluster_external_secret, other_appliers};

/// An ExternalSecret that secret2eks has created, and the secret that it delivers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivered {
    /// The namespace.
    pub namespace: String,
    /// The name of the ExternalSecret and of the Kubernetes Secret.
    pub name: String,
    /// The secret's complete ARN.
    pub arn: String,
}

impl std::fmt::Display for Delivered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// The object as one that secret2eks has created for a secret whose ARN begins with `arn_prefix`. None for every other.
///
/// Label and annotation are not sufficient: a copy that somebody made of such an object has them, too. The field manager of
/// server-side apply is not copied. An object that is being deleted does not count. Neither does one that somebody else
/// applies, or whose specification secret2eks no longer owns: GitOps has taken it over.
#[must_use]
pub fn ours(object: &Value, arn_prefix: &str) -> Option<Delivered> {
    let metadata = &object["metadata"];
    let arn = annotation(object, ARN_ANNOTATION).filter(|arn| arn.starts_with(arn_prefix))?;
    let is_labelled = metadata["labels"][LABEL] == FIELD_MANAGER;
    let specified = |manager: &Value| !manager["fieldsV1"]["f:spec"].is_null();
    let is_created = managers(object).any(|manager| {
        manager["manager"] == FIELD_MANAGER && manager["operation"] == "Apply" && specified(manager)
    }) && other_appliers(object).is_empty();
    let is_present = metadata["deletionTimestamp"].is_null() && cluster_external_secret(object).is_none();
    if !(is_labelled && is_created && is_present) {
        return None;
    }
    Some(Delivered {
        namespace: metadata["namespace"].as_str()?.to_owned(),
        name: metadata["name"].as_str()?.to_owned(),
        arn: arn.to_owned(),
    })
}

/// The random end of a complete ARN, as the value of the label `secret2eks/secret-suffix`.
#[must_use]
pub fn suffix(arn: &str) -> Option<&str> {
    secret_suffix(arn).filter(|suffix| suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PREFIX: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/";
    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";

    fn object() -> Value {
        json!({"metadata": {
            "namespace": "shop", "name": "payment",
            "labels": {"app.kubernetes.io/managed-by": "secret2eks"},
            "annotations": {"secret2eks/secret-arn": ARN},
            "managedFields": [
                {"manager": "secret2eks", "operation": "Apply", "fieldsV1": {"f:spec": {}}},
                {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {}}},
                {"manager": "external-secrets", "operation": "Update", "subresource": "status"},
            ],
        }})
    }

    #[test]
    fn an_object_with_label_annotation_and_field_manager_is_ours() {
        let expected =
            Delivered { namespace: "shop".to_owned(), name: "payment".to_owned(), arn: ARN.to_owned() };
        assert_eq!(ours(&object(), PREFIX), Some(expected));
    }

    #[test]
    fn whatever_else_is_in_the_cluster_is_not_ours() {
        let own = json!({"manager": "secret2eks", "operation": "Apply", "fieldsV1": {"f:spec": {}}});
        let changes: [(&str, Value); 11] = [
            ("/metadata/labels", json!({})),
            ("/metadata/labels", json!({"app.kubernetes.io/managed-by": "Helm"})),
            ("/metadata/annotations", json!({})),
            // A secret of another stack, region or account.
            ("/metadata/annotations", json!({"secret2eks/secret-arn": ARN.replace("rabbitmq/", "other/")})),
            (
                "/metadata/annotations",
                json!({"secret2eks/secret-arn": ARN.replace("eu-central-1", "eu-west-1")}),
            ),
            (
                "/metadata/annotations",
                json!({"secret2eks/secret-arn": ARN.replace("123456789012", "210987654321")}),
            ),
            // A copy that somebody applied.
            ("/metadata/managedFields", json!([{"manager": "kubectl", "operation": "Apply"}])),
            // Mode `refresh`: GitOps owns it, and secret2eks has patched it.
            ("/metadata/managedFields", json!([{"manager": "secret2eks", "operation": "Update"}])),
            ("/metadata/managedFields", Value::Null),
            // GitOps applies it, too, or has taken its specification over.
            (
                "/metadata/managedFields",
                json!([own, {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]),
            ),
            (
                "/metadata/managedFields",
                json!([{"manager": "secret2eks", "operation": "Apply", "fieldsV1": {"f:metadata": {}}}]),
            ),
        ];
        for (path, value) in changes {
            let mut foreign = object();
            if let Some(place) = foreign.pointer_mut(path) {
                *place = value;
            }
            assert_eq!(ours(&foreign, PREFIX), None, "{path}: {foreign}");
        }
    }

    #[test]
    fn an_object_that_is_being_deleted_or_belongs_to_a_cluster_external_secret_is_not_ours() {
        for (field, value) in [
            ("deletionTimestamp", json!("2026-11-25T03:00:00Z")),
            ("ownerReferences", json!([{"kind": "ClusterExternalSecret", "name": "all"}])),
        ] {
            let mut leaving = object();
            leaving["metadata"][field] = value;
            assert_eq!(ours(&leaving, PREFIX), None, "{field}");
        }
    }
}
