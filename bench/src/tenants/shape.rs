//! Which secrets there are, and in which namespaces.

use anyhow::{Context as _, Result};
use serde_json::json;
use testbed::cloud::{Cloud, route_to, tag};

/// What the names of the namespaces begin with. Each belongs to a tenant of the same name.
pub const PREFIX: &str = "tenant-";
/// What the names of the secrets begin with: the template's `SecretNamePrefix`.
pub const SECRETS: &str = "rabbitmq/";
const IN_A_NAMESPACE: usize = 10;

/// Secrets by their number, ten in each namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub secrets: usize,
    pub namespaces: usize,
}

impl Shape {
    pub fn of(secrets: usize) -> Self {
        Self { secrets, namespaces: secrets.div_ceil(IN_A_NAMESPACE) }
    }

    /// The names of all namespaces.
    pub fn names(self) -> Vec<String> {
        (0..self.namespaces).map(|number| format!("{PREFIX}{number}")).collect()
    }

    /// The namespace of a secret, and the name of its objects there.
    fn place(self, number: usize) -> (String, String) {
        (format!("{PREFIX}{}", number / IN_A_NAMESPACE), format!("customer-{}", number % IN_A_NAMESPACE))
    }

    /// As the application of a tenant names them (`infra/kubernetes/onboarding-role.yaml`).
    fn name(self, number: usize) -> String {
        let (namespace, object) = self.place(number);
        format!("{SECRETS}{namespace}/{object}")
    }

    /// Creates a secret with its first value and its tags.
    pub async fn create(self, cloud: &Cloud, number: usize) -> Result<()> {
        let (namespace, object) = self.place(number);
        let mut tags: Vec<_> =
            route_to(&namespace, &object).into_iter().map(|(key, value)| tag(key, value)).collect();
        tags.push(tag("tenant", &namespace));
        let create = cloud.secrets.create_secret().name(self.name(number)).set_tags(Some(tags));
        create.secret_string(value("created")).send().await.context("no secret was created")?;
        Ok(())
    }

    /// Stores a new value. Returns the ARN and the version.
    pub async fn change(self, cloud: &Cloud, number: usize) -> Result<(String, String)> {
        let put = cloud.secrets.put_secret_value().secret_id(self.name(number));
        let put = put.secret_string(value("changed")).send().await.context("no value was stored")?;
        put.arn.zip(put.version_id).context("an answer without an ARN or a version")
    }

    pub async fn delete(self, cloud: &Cloud, number: usize) -> Result<()> {
        let delete = cloud.secrets.delete_secret().secret_id(self.name(number)).recovery_window_in_days(7);
        delete.send().await.context("no secret was deleted")?;
        Ok(())
    }
}

fn value(password: &str) -> String {
    json!({"username": "customer", "password": password, "host": "mq.example.com"}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_secrets_share_a_namespace_and_each_has_a_place_of_its_own() {
        for (secrets, namespaces) in [(1, 1), (10, 1), (11, 2), (10_000, 1_000)] {
            assert_eq!(Shape::of(secrets).namespaces, namespaces, "{secrets}");
        }
        let shape = Shape::of(100);
        let places: std::collections::BTreeSet<_> = (0..100).map(|number| shape.place(number)).collect();
        assert_eq!(places.len(), 100);
        assert!(places.iter().all(|(namespace, _)| shape.names().contains(namespace)));
        assert_eq!(shape.name(42), "rabbitmq/tenant-4/customer-2");
    }
}
