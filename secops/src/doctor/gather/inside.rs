//! The cluster: what EKS knows of it, and what secret2eks sees from inside. This program logs in to no cluster.

use contract::{ClusterLook, Tags};
use serde_json::json;

use super::Gather;
use crate::aws::cloudformation::Stack;
use crate::aws::eks;
use crate::doctor::facts::{Asked, ClusterSeen, Seen, Unseen};
use crate::secret::Secret;

/// The tags that say that a secret is meant for a cluster.
const ROUTING: [&str; 6] = [Tags::CLUSTER, Tags::NAMESPACE, Tags::NAME, Tags::STORE, Tags::KEYS, Tags::MODE];

impl Gather<'_> {
    /// None if the stack has no cluster.
    pub(super) async fn cluster(
        self,
        stack: &Stack,
        secrets: &[Secret],
        limit: usize,
    ) -> Option<ClusterSeen> {
        let name = stack.parameter("EksClusterName").filter(|name| !name.is_empty())?;
        let role = stack.output("Secret2EksRoleArn").unwrap_or_default();
        let (described, entry, look) = tokio::join!(
            self.ask("eks:DescribeCluster", eks::cluster(self.config, name)),
            self.ask("eks:DescribeAccessEntry", eks::access_entry(self.config, name, role)),
            self.look(stack, secrets, limit),
        );
        Some(ClusterSeen { name: name.to_owned(), role: role.to_owned(), described, entry, look })
    }

    /// Asks about a few secrets at a time, and puts the answers together.
    async fn look(self, stack: &Stack, secrets: &[Secret], limit: usize) -> Seen<Asked<ClusterLook>> {
        let function =
            stack.output("Secret2EksFunctionName").ok_or(Unseen::DependsOn("the function secret2eks"))?;
        let routed = secrets.iter().filter(|secret| ROUTING.iter().any(|tag| secret.tags.get(tag).is_some()));
        let routed: Vec<&str> = routed.map(|secret| secret.arn.as_str()).collect();
        let count = if limit == 0 { routed.len() } else { routed.len().min(limit) };
        let mut whole: Option<ClusterLook> = None;
        let wanted = routed.get(..count).unwrap_or_default();
        let mut parts: Vec<&[&str]> = wanted.chunks(ClusterLook::SECRETS_LIMIT).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        for part in parts {
            let event = json!({"Action": "look", "SecretIds": part});
            match self.invoke::<ClusterLook>(function, &event).await? {
                Ok(look) => match &mut whole {
                    Some(whole) => whole.places.extend(look.places),
                    None => whole = Some(look),
                },
                Err(failed) => return Ok(Err(failed)),
            }
        }
        whole.map(Ok).ok_or(Unseen::NoTime)
    }
}
