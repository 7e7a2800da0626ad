//! Roles, their policies, and their sessions, as the account's root user. Tests change policies hundreds of times: a process of
//! the AWS CLI for each change takes 0.7 s.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::Cloud;

/// A session of a role.
#[derive(Debug, Clone)]
pub struct Session {
    /// The ARN of the session.
    pub arn: String,
    /// The access key.
    pub key: String,
    /// The secret key.
    pub secret: String,
    /// The session token.
    pub token: String,
}

impl Cloud {
    /// Creates a role that the account's root user may assume. Returns its ARN.
    ///
    /// # Errors
    /// When IAM refuses it.
    pub async fn create_role(&self, name: &str) -> Result<String> {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": format!("arn:aws:iam::{}:root", self.aws.account())},
        }]});
        let create = self.iam.create_role().role_name(name).assume_role_policy_document(trust.to_string());
        Ok(create.send().await?.role.context("no role")?.arn)
    }

    /// Adds the inline policy, or replaces it.
    ///
    /// # Errors
    /// When IAM refuses it.
    pub async fn put_role_policy(&self, role: &str, policy: &str, document: &Value) -> Result<()> {
        let put = self.iam.put_role_policy().role_name(role).policy_name(policy);
        put.policy_document(document.to_string()).send().await?;
        Ok(())
    }

    /// The inline policies of a role, by name.
    ///
    /// # Errors
    /// When IAM refuses it, or a policy is not JSON.
    pub async fn role_policies(&self, role: &str) -> Result<BTreeMap<String, Value>> {
        let mut policies = BTreeMap::new();
        for name in self.iam.list_role_policies().role_name(role).send().await?.policy_names {
            let found = self.iam.get_role_policy().role_name(role).policy_name(&name).send().await?;
            policies.insert(name, document(&found.policy_document)?);
        }
        Ok(policies)
    }

    /// The document of a managed policy.
    ///
    /// # Errors
    /// When IAM refuses it, or the policy is not JSON.
    pub async fn managed_policy(&self, arn: &str) -> Result<Value> {
        let found = self.iam.get_policy_version().policy_arn(arn).version_id("v1").send().await?;
        let version = found.policy_version.context("no version")?;
        document(&version.document.context("no document")?)
    }

    /// A session of a role that trusts the account's root user.
    ///
    /// # Errors
    /// When STS refuses it.
    pub async fn assume_role(&self, arn: &str) -> Result<Session> {
        let assumed = self.sts.assume_role().role_arn(arn).role_session_name("actor").send().await?;
        let credentials = assumed.credentials.context("no credentials")?;
        Ok(Session {
            arn: assumed.assumed_role_user.context("no user")?.arn,
            key: credentials.access_key_id,
            secret: credentials.secret_access_key,
            token: credentials.session_token,
        })
    }
}

/// IAM answers with a percent-encoded document.
fn document(encoded: &str) -> Result<Value> {
    let text = percent_decode_str(encoded).decode_utf8()?;
    serde_json::from_str(&text).with_context(|| format!("the policy {text} is not JSON"))
}
