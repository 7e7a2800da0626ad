//! The secrets of a storm, and what became of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use testbed::cloud::{Cloud, route_to};

const AT_ONCE: usize = 8;
const TELL_EVERY: usize = 250;
const RECEIPT: &str = "secret2eks/delivered";

/// Secrets of one name with a number.
pub struct Secrets {
    name: &'static str,
    pub arns: Vec<String>,
    is_routed: bool,
}

impl Secrets {
    /// Creates them with their users. If there is a cluster, all are delivered to the namespace `name`.
    pub async fn create(cloud: &Cloud, name: &'static str, count: usize, tell: fn(&str)) -> Result<Self> {
        let is_routed = match cloud.kubernetes() {
            Ok(cluster) => {
                cluster.create_delivery_namespace(&cloud.aws, name, &[]).await?;
                true
            }
            Err(_) => false,
        };
        let create = async |number: usize| {
            let user = format!("{name}-{number}");
            let app = cloud.create_app(&user).await?;
            if is_routed {
                cloud.set_tags(&app.arn, &route_to(name, &user)).await?;
            }
            if (number + 1).is_multiple_of(TELL_EVERY) {
                tell(&format!("  {} created", number + 1));
            }
            anyhow::Ok(app.arn)
        };
        let arns = futures_util::stream::iter(0..count).map(create).buffer_unordered(AT_ONCE);
        Ok(Self { name, arns: arns.try_collect().await?, is_routed })
    }

    /// What the ARNs of all of them begin with.
    pub fn arn_prefix(&self, cloud: &Cloud) -> String {
        let (region, account, name) = (cloud.aws.region(), cloud.aws.account(), self.name);
        format!("arn:aws:secretsmanager:{region}:{account}:secret:rabbitmq/{name}-")
    }

    /// How many have a receipt for their current version. `None` if none is delivered.
    pub async fn delivered(&self, cloud: &Cloud) -> Result<Option<usize>> {
        if !self.is_routed {
            return Ok(None);
        }
        let look = async |arn: &String| {
            let current = cloud.version(arn, "AWSCURRENT").await?;
            anyhow::Ok(current.is_some() && cloud.tag_of(arn, RECEIPT).await? == current)
        };
        let delivered: Vec<bool> =
            futures_util::stream::iter(&self.arns).map(look).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(Some(delivered.into_iter().filter(|delivered| *delivered).count()))
    }

    /// The number of incidents that were opened about them, by kind.
    pub async fn incidents(&self, cloud: &Cloud) -> Result<BTreeMap<String, usize>> {
        let is_opened = |alert: &Value| alert["metadata"]["eventType"] == "incident.opened";
        let alerts = cloud.alerts.wait_until(0, is_opened).await.context("the alerts cannot be read")?;
        Ok(self.kinds(&alerts, "/metadata/threadId", "/metadata/additionalContext/kind"))
    }

    /// The number of failure notices about them, by kind.
    pub async fn failures(&self, cloud: &Cloud) -> Result<BTreeMap<String, usize>> {
        Ok(self.kinds(&cloud.notices.all().await?, "/secretArn", "/kind"))
    }

    fn kinds(&self, messages: &[Value], subject: &str, kind: &str) -> BTreeMap<String, usize> {
        let own: BTreeSet<&str> = self.arns.iter().map(String::as_str).collect();
        let text =
            |message: &'_ Value, at: &str| message.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let mut kinds = BTreeMap::new();
        for message in messages {
            if text(message, subject).is_some_and(|subject| own.contains(subject.as_str())) {
                let kind = text(message, kind).unwrap_or_else(|| "without a kind".to_owned());
                *kinds.entry(kind).or_default() += 1;
            }
        }
        kinds
    }
}
