//! The store as one deployment of `stack.yaml` creates it: users, secrets, schedules and routes.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud, workspace};

use super::{EXAMPLE, SERVICES, import, topology};

/// What the stack does not create. The permissions are not among these: the stack gives them.
const KINDS: [&str; 3] = ["exchanges", "queues", "bindings"];

/// The stack. Its name is also that of the vhost and of the namespace, and the names of the users begin with it.
#[derive(Debug)]
pub struct Deployment {
    /// The name.
    pub name: String,
    /// The services with their users and secrets.
    pub apps: Vec<(&'static str, App)>,
}

impl Deployment {
    /// Creates what must exist before the deployment: the vhost with exchange, queues and bindings, and the namespace with
    /// its secret store.
    ///
    /// # Errors
    /// When the broker or the cluster refuses.
    pub async fn prepare(cloud: &Cloud, name: &str) -> Result<()> {
        import(cloud, &topology_in(&topology()?, name)).await?;
        cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, name, &[]).await
    }

    /// Creates the stack, or updates it if it exists. `changes` are further parameters.
    ///
    /// # Errors
    /// When the stack fails. The message contains its events.
    pub async fn deploy(cloud: &Cloud, name: &str, changes: &[(&str, &str)]) -> Result<Self> {
        let mut parameters = vec![
            ("BrokerId", cloud.broker_id.as_str()),
            ("AdminSecretArn", &cloud.admin_secret),
            ("RotationFunctionArn", cloud.rotation_function()?),
            ("BrokerUserFunctionArn", cloud.broker_user_function()?),
            ("Prefix", name),
            ("Vhost", name),
            ("Namespace", name),
        ];
        parameters.extend(changes);
        let template = workspace().join(EXAMPLE).join("stack.yaml");
        let stack = cloud.aws.deploy(name, &template, &parameters, &[]).await?;
        let mut apps = Vec::new();
        for service in SERVICES {
            let arn = stack.output(&output(service))?.to_owned();
            apps.push((service, App { user: format!("{name}-{service}"), arn }));
        }
        Ok(Self { name: name.to_owned(), apps })
    }

    /// The user and the secret of a service.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn app(&self, service: &str) -> Result<&App> {
        let found = self.apps.iter().find(|(name, _)| *name == service);
        found.map(|(_, app)| app).with_context(|| format!("no service {service}"))
    }

    /// Deletes the stack.
    ///
    /// # Errors
    /// When a resource is not deleted. The message contains the events of the stack.
    pub async fn delete(&self, cloud: &Cloud) -> Result<()> {
        cloud.aws.delete_stack(&self.name).await
    }
}

/// `PaymentSecretArn`, for example.
fn output(service: &str) -> String {
    let (first, rest) = service.split_at(1);
    format!("{}{rest}SecretArn", first.to_uppercase())
}

/// The topology in another vhost, without permissions.
fn topology_in(topology: &Value, vhost: &str) -> Value {
    let mut wanted = json!({"vhosts": [{"name": vhost}]});
    for kind in KINDS {
        let mut objects = topology[kind].clone();
        for object in objects.as_array_mut().into_iter().flatten() {
            object["vhost"] = json!(vhost);
        }
        wanted[kind] = objects;
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn the_topology_moves_to_the_vhost_and_the_stack_gives_the_permissions() -> Result<()> {
        let whole = topology()?;
        let moved = topology_in(&whole, "bakery");
        assert!(!moved.to_string().contains("cookie-store"), "{moved}");
        for (kind, objects) in whole.as_object().into_iter().flatten() {
            let is_of_the_stack = kind.ends_with("permissions");
            let count = |of: &Value| of.as_array().map(Vec::len);
            let expected = if is_of_the_stack { None } else { count(objects) };
            assert_eq!(count(&moved[kind.as_str()]), expected, "{kind}");
        }
        Ok(())
    }

    #[test]
    fn the_stack_has_an_output_for_the_secret_of_each_service() -> Result<()> {
        let template = read("stack.yaml")?;
        for service in SERVICES {
            let line = format!("\n  {}:\n", output(service));
            assert!(template.contains(&line), "{line}");
        }
        Ok(())
    }
}
