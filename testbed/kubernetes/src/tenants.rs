//! Many namespaces for deliveries, each of a tenant of its own.
//!
//! Each store has its own role, as [`Kubernetes::create_scoped_namespace`] deploys it. Here, one stack has many of these
//! roles: a thousand stacks would take longer than everything that is done with them.

use anyhow::{Context as _, Result, ensure};
use aws::Aws;
use futures_util::{StreamExt as _, TryStreamExt as _};
use sandbox::workspace;

use super::Kubernetes;
use super::secret_store::{ROLE_TEMPLATE, STORE};

/// CloudFormation accepts 500 resources in a stack, and a template of 1 MB.
const ROLES_IN_A_STACK: usize = 200;
const AT_ONCE: usize = 8;
/// Satisfies the pattern of a parameter whose value no role uses.
const UNUSED: &str = "unused";

impl Kubernetes {
    /// Creates namespaces with the label `tenant`, whose value is the namespace's own name. The SecretStore `aws` of each reads
    /// the secrets of that tenant whose names begin with `prefix`. Calls `tell` with the number of stores that are ready.
    ///
    /// # Errors
    /// When a role cannot be deployed, the API server refuses, or a store is not ready.
    pub async fn create_tenants(
        &self,
        aws: &Aws,
        names: &[String],
        prefix: &str,
        tell: impl Fn(usize),
    ) -> Result<()> {
        let path = workspace().join(ROLE_TEMPLATE);
        let of_one = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut ready = 0;
        for (number, some) in names.chunks(ROLES_IN_A_STACK).enumerate() {
            let file = self.folder().join(format!("store-roles-{number}.yaml"));
            std::fs::write(&file, of_many(&of_one, some)?).with_context(|| file.display().to_string())?;
            let issuer = self.issuer().trim_start_matches("https://");
            let parameters = [
                ("Issuer", issuer),
                ("Namespace", UNUSED),
                ("ServiceAccount", STORE),
                ("SecretNamePrefix", prefix),
                ("Tenant", UNUSED),
            ];
            let stack = aws.deploy(&format!("store-roles-{number}"), &file, &parameters, &[]).await?;
            let stack = &stack;
            let mut created = futures_util::stream::iter(some.iter().enumerate())
                .map(|(number, name)| async move {
                    self.create_namespace(name, &[("tenant", name.as_str())]).await?;
                    self.apply_store(aws, name, STORE, stack.output(&format!("RoleArn{number}"))?).await
                })
                .buffer_unordered(AT_ONCE);
            while created.try_next().await?.is_some() {
                ready += 1;
                tell(ready);
            }
        }
        Ok(())
    }
}

/// The template of one role, with a role for each of these namespaces and tenants.
fn of_many(of_one: &str, names: &[String]) -> Result<String> {
    let parts = of_one.split_once("\nResources:\n");
    let (before, rest) = parts.context("the template has no resources")?;
    let (role, _) = rest.split_once("\nOutputs:\n").context("the template has no outputs")?;
    ensure!(role.starts_with("  Role:\n"), "the first resource of the template is not the role");
    let mut text = format!("{before}\nResources:\n");
    for (number, name) in names.iter().enumerate() {
        let own = role.replacen("  Role:\n", &format!("  Role{number}:\n"), 1);
        let own = own.replace("${Namespace}", name).replace("!Ref Namespace", name);
        text += &own.replace("!Ref Tenant", name);
        text += "\n";
    }
    text += "Outputs:\n";
    for number in 0..names.len() {
        text += &format!("  RoleArn{number}:\n    Value: !GetAtt Role{number}.Arn\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_has_its_own_role_with_its_name_as_the_only_one() -> Result<()> {
        let of_one = std::fs::read_to_string(workspace().join(ROLE_TEMPLATE))?;
        let text = of_many(&of_one, &["tenant-0".to_owned(), "tenant-1".to_owned()])?;
        let (_, resources) = text.split_once("\nResources:\n").context("no resources")?;
        for number in 0..2 {
            let (own, name) = (format!("  Role{number}:\n"), format!("tenant-{number}"));
            let role = resources.split(&own).nth(1).context("no role")?;
            let role = role.split("\n  Role").next().unwrap_or_default();
            for expected in [
                format!("system:serviceaccount:{name}:${{ServiceAccount}}"),
                format!("aws:ResourceTag/secret2eks/namespace: {name}\n"),
                format!("aws:ResourceTag/tenant: !If [HasTenant, {name}, !Ref AWS::NoValue]"),
            ] {
                assert!(role.contains(&expected), "{expected}: {role}");
            }
        }
        assert!(!resources.contains("Namespace}") && !resources.contains("!Ref Namespace"), "{resources}");
        assert!(text.ends_with("  RoleArn1:\n    Value: !GetAtt Role1.Arn\n"), "{text}");
        Ok(())
    }
}
