//! Each function has only permissions that it needs. The test removes each permission of its role in
//! `infra/template.yaml` once, and the function must fail. `kubernetes/rights.rs` tests the permissions of
//! secret2eks.

mod broker_user;
mod handler;
mod incident;
mod inspect;
mod records;
mod rotation;
mod schedules;
mod secops;
mod watch;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::aws::Stack;
use testbed::cloud::Cloud;

/// A permission of every role, so that a policy is never empty.
const HARMLESS: &str = "sts:GetCallerIdentity";

/// Permissions that AWS requires and the emulator does not (`testbed/aws/CONTRACT.md`): the beginning of an action, a
/// part of the resource, and the reason for the permission.
pub type Unasked<'a> = (&'a str, &'a str, &'a str);

/// The permissions that both functions of rotation-mq have.
const UNASKED: [Unasked<'_>; 2] = [
    ("kms:", "", "SNS asks for them in the caller's name"),
    ("logs:", "", "Lambda writes the log with the function's role"),
];

/// One action on one resource, in one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Right {
    policy: String,
    /// The position in the policy. Two statements may allow the same action with different conditions.
    statement: usize,
    action: String,
    resource: String,
}

/// A role of a stack.
pub struct Role<'a> {
    cloud: &'a Cloud,
    name: String,
    /// The deployed policies, by name.
    policies: BTreeMap<String, Value>,
}

impl<'a> Role<'a> {
    pub async fn of(cloud: &'a Cloud, stack: &Stack, logical_id: &str) -> Result<Self> {
        let name = stack.resource(logical_id)?.to_owned();
        Ok(Self { cloud, policies: cloud.role_policies(&name).await?, name })
    }

    /// Checks that `works` succeeds with all permissions and without those in `unasked`, and fails without any one of
    /// the others.
    pub async fn needs_each_of_its_rights(
        &self,
        unasked: &[Unasked<'_>],
        works: impl AsyncFn() -> Result<()>,
    ) -> Result<()> {
        let rights = self.policies.iter().flat_map(|(policy, document)| rights_of(policy, document));
        let is_unasked = |right: &Right| {
            unasked.iter().any(|(action, resource, _)| {
                right.action.starts_with(action) && right.resource.contains(resource)
            })
        };
        let (unasked_rights, asked): (Vec<Right>, Vec<Right>) = rights.partition(is_unasked);
        ensure!(!asked.is_empty(), "{} has no rights: has the template changed?", self.name);
        self.put_all_without(&unasked_rights).await?;
        works()
            .await
            .context("the emulator asks for a right that is listed as one that it does not ask for")?;
        self.put_all_without(&[]).await?;
        for right in &asked {
            self.put(&right.policy, std::slice::from_ref(right)).await?;
            ensure!(works().await.is_err(), "nothing fails without {right:?}: is it needed?");
            self.put(&right.policy, &[]).await?;
        }
        works().await.context("with all rights again")
    }

    /// Checks that `works` fails without one of the permissions for `action`, whichever it is, and succeeds with all.
    pub async fn needs_its_right(&self, action: &str, works: impl AsyncFn() -> Result<()>) -> Result<()> {
        let rights = self.policies.iter().flat_map(|(policy, document)| rights_of(policy, document));
        let rights: Vec<Right> = rights.filter(|right| right.action == action).collect();
        ensure!(!rights.is_empty(), "{} has no right for {action}: has the template changed?", self.name);
        works().await.context("with all rights")?;
        for right in &rights {
            self.put(&right.policy, std::slice::from_ref(right)).await?;
            ensure!(works().await.is_err(), "nothing fails without {right:?}: is it needed?");
            self.put(&right.policy, &[]).await?;
        }
        works().await.context("with all rights again")
    }

    async fn put_all_without(&self, rights: &[Right]) -> Result<()> {
        for policy in self.policies.keys() {
            self.put(policy, rights).await?;
        }
        Ok(())
    }

    /// The deployed policy without those permissions.
    async fn put(&self, policy: &str, rights: &[Right]) -> Result<()> {
        let whole = self.policies.get(policy).context("no such policy")?;
        self.cloud.put_role_policy(&self.name, policy, &without(policy, whole, rights)).await
    }
}

/// The ARN of the shared stack's secret2eks. If a secret goes to no cluster, secret2eks accepts the request as done.
async fn deliverer(cloud: &Cloud) -> Result<String> {
    let function = cloud.lambda.get_function_configuration().function_name(cloud.delivery_function()?);
    function.send().await?.function_arn.context("no ARN")
}

fn rights_of(policy: &str, document: &Value) -> Vec<Right> {
    let mut rights = Vec::new();
    for (statement, allowed) in document["Statement"].as_array().into_iter().flatten().enumerate() {
        for action in texts(&allowed["Action"]) {
            for resource in texts(&allowed["Resource"]) {
                let (policy, action) = (policy.to_owned(), action.clone());
                rights.push(Right { policy, statement, action, resource });
            }
        }
    }
    rights
}

/// The policy with one statement for each remaining permission.
fn without(policy: &str, document: &Value, taken: &[Right]) -> Value {
    let mut statements = vec![json!({"Effect": "Allow", "Action": HARMLESS, "Resource": "*"})];
    for right in rights_of(policy, document).iter().filter(|right| !taken.contains(right)) {
        let mut one = document["Statement"][right.statement].clone();
        (one["Action"], one["Resource"]) = (json!(right.action), json!(right.resource));
        statements.push(one);
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// A text or a list of them.
fn texts(value: &Value) -> Vec<String> {
    let one = value.as_str().map(str::to_owned);
    let many = value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned));
    one.into_iter().chain(many).collect()
}
