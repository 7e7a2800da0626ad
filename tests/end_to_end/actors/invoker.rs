//! Somebody who may invoke the functions that nobody should invoke by hand.
//!
//! dlq-handler cannot distinguish a forged batch from a real one. Who may invoke it can claim that a rotation has
//! just succeeded. A forged batch cannot affect anything after the moment of its arrival.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::{Answer, Cloud};

use super::actor::{Actor, allow};
use super::forged;
use crate::failure_path::{Path, notice, secret, types};
use crate::kubernetes::routed::Routed;

async fn invoker<'a>(cloud: &'a Cloud, function: &str) -> Result<Actor<'a>> {
    let arn = arn_of(cloud, function).await?;
    Actor::with(cloud, "invoker", &[allow(&["lambda:InvokeFunction"], &[&arn])]).await
}

async fn arn_of(cloud: &Cloud, function: &str) -> Result<String> {
    let known = cloud.lambda.get_function_configuration().function_name(function).send().await?;
    known.function_arn.context("no ARN")
}

/// The shared stack's secret2eks, which also delivers for the other tests.
async fn deliverer(cloud: &Cloud) -> Result<String> {
    arn_of(cloud, cloud.delivery_function()?).await
}

/// A separate stack, and an actor who sends forged batches to its dlq-handler.
struct Scene<'a> {
    path: Path,
    invoker: Actor<'a>,
    function: String,
}

impl<'a> Scene<'a> {
    async fn new(cloud: &'a Cloud, prefix: &str) -> Result<Self> {
        let deliverer = deliverer(cloud).await?;
        let path = Path::deploy(cloud, prefix, &[("Secret2EksFunctionArn", &deliverer)]).await?;
        let function = path.variant.stack.output("HandlerFunctionName")?.to_owned();
        let invoker = invoker(cloud, &function).await?;
        Ok(Self { path, invoker, function })
    }

    async fn forge(&self, cloud: &Cloud, body: &str) -> Result<()> {
        let queues = self.path.variant.stack.resources.iter().filter(|(id, _)| id.ends_with("Queue"));
        // The test tries every queue.
        for (_, url) in queues {
            let name = url.rsplit('/').next().context("no name")?;
            let arn = format!("arn:aws:sqs:{}:{}:{name}", cloud.aws.region(), cloud.aws.account());
            let answer = self.invoker.invoke(&self.function, &forged::batch(&arn, &[body])).await?;
            answer.allowed("a batch")?;
        }
        Ok(())
    }

    /// A failure as the functions report it.
    async fn fails(&self, secret: &str, kind: &str, at: &str) -> Result<()> {
        self.path.queue.send(&[notice(secret, kind, &format!("{kind} {at}"), at)]).await
    }
}

#[test]
fn a_success_in_the_future_mutes_no_failure() -> Result<()> {
    on_the_cloud(async |cloud| {
        let scene = Scene::new(cloud, "future-success").await?;
        let secret = secret(&name("muted"));
        scene.forge(cloud, &forged::succeeded(&secret, forged::FUTURE).to_string()).await?;
        scene.fails(&secret, "current.login_refused", &forged::now()?).await?;
        let alerts = scene.path.alerts.wait_for(&secret, 1).await?;
        ensure!(types(&alerts) == ["incident.opened"], "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_failure_in_the_future_hides_neither_a_worse_one_nor_the_end() -> Result<()> {
    on_the_cloud(async |cloud| {
        let scene = Scene::new(cloud, "future-failure").await?;
        let secret = secret(&name("hidden"));
        scene.forge(cloud, &notice(&secret, "aws.throttled", "forged", forged::FUTURE)).await?;
        scene.fails(&secret, "current.login_refused", &forged::now()?).await?;
        let critical = |alert: &Value| {
            let context = &alert["metadata"]["additionalContext"];
            alert["metadata"]["threadId"] == secret.as_str() && context["kind"] == "current.login_refused"
        };
        scene.path.alerts.wait_until(1, critical).await?;
        // The rule reports that the incident is over.
        scene.path.rule.send(&[forged::succeeded(&secret, &forged::now()?).to_string()]).await?;
        let closed = |alert: &Value| {
            let metadata = &alert["metadata"];
            metadata["threadId"] == secret.as_str() && metadata["eventType"] == "incident.closed"
        };
        scene.path.alerts.wait_until(1, closed).await.map(drop)
    })
}

#[test]
fn a_delivery_is_delivered_because_secret2eks_of_this_stack_says_so() -> Result<()> {
    on_the_cloud(async |cloud| {
        let scene = Scene::new(cloud, "other-function").await?;
        let secret = secret(&name("undelivered"));
        let failed = forged::undelivered(&secret, &deliverer(cloud).await?, &forged::now()?);
        scene.path.queue.send(&[failed.to_string()]).await?;
        scene.path.alerts.wait_for(&secret, 1).await?;
        let other = "arn:aws:lambda:us-east-1:000000000000:function:somebody-elses";
        scene.forge(cloud, &forged::delivered(&secret, other, &forged::now()?).to_string()).await?;
        scene.path.is_empty().await?;
        let alerts = scene.path.alerts.about(&secret).await?;
        ensure!(!types(&alerts).contains(&"incident.closed"), "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn an_invoker_of_secret2eks_can_only_deliver_the_current_version() -> Result<()> {
    on_the_cluster(async |cloud| {
        let function = cloud.delivery_function()?;
        let invoker = invoker(cloud, function).await?;
        let secret = Routed::delivered(cloud, &name("invoked"), &[]).await?;
        let current = secret.current().await?;
        let (elsewhere, version) = (name("elsewhere"), "ffffffff-ffff-4fff-8fff-ffffffffffff");
        let event = json!({
            "secretArn": secret.arn, "versionId": version, "attempt": 1,
            "namespace": elsewhere, "name": elsewhere, "keys": "masterarn",
        });
        let answer = invoker.invoke(function, &event).await?.allowed("a request")?;
        ensure!(!format!("{answer:?}").contains(&elsewhere), "{answer:?}");
        secret.receipt(&current).await?;
        ensure!(cloud.kubernetes()?.secret(&elsewhere, &elsewhere).await?.is_none());
        let invented = json!({"secretArn": cloud.admin_secret, "versionId": current, "attempt": 1});
        let answer = invoker.invoke(function, &invented).await?.allowed("a request")?;
        ensure!(matches!(answer, Answer::Failed { .. }), "{answer:?}");
        Ok(())
    })
}
