//! A stack of version 0.1 is updated in place. Its pairs continue to rotate. Only the two kinds of pairs that
//! `infra/playbooks` names need manual work.

mod release;
mod stack;
mod state;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::on_the_cloud;
use serde_json::{Value, json};
use testbed::cloud::route_to;
use testbed::kubernetes::{CLUSTER, SecretData, StoreScope};

use self::stack::Stack;
use self::state::State;
use crate::failure_path::{notice, types};
use crate::kubernetes::routed::{RECEIPT, until};

const LIMIT: Duration = Duration::from_secs(90);

#[test]
fn every_pair_of_a_stack_of_0_1_rotates_on_after_the_update_and_two_states_need_manual_work() -> Result<()> {
    on_the_cloud(async |cloud| {
        let mut stack = Stack::of_0_1(cloud, "pairs", &[]).await?;
        let mut pairs = Vec::new();
        for state in State::ALL {
            let pair = stack.pair(state.name(), &state.changes()).await?;
            let half_done = stack.leave(&pair, state).await.with_context(|| state.name())?;
            pairs.push((state, pair, half_done));
        }
        stack.update().await?;
        let mut wrong = Vec::new();
        for (state, pair, half_done) in &pairs {
            let goes_on = stack.goes_on(pair, *state, half_done.as_deref()).await;
            wrong.extend(goes_on.err().map(|error| format!("{}: {error:#}", state.name())));
        }
        ensure!(wrong.is_empty(), "{wrong:#?}");
        Ok(())
    })
}

#[test]
fn a_routed_secret_of_0_1_is_delivered_on_after_the_update() -> Result<()> {
    on_the_cloud(async |cloud| {
        let parameters = [("EksClusterName", CLUSTER), ("SyncTimeoutSeconds", "8")];
        let mut stack = Stack::of_0_1(cloud, "routed-old", &parameters).await?;
        let (namespace, prefix) = (stack.variant.name.clone(), format!("{}/", stack.variant.name));
        let scope = StoreScope { prefix: &prefix, ..StoreScope::default() };
        cloud.kubernetes()?.create_scoped_namespace(&cloud.aws, &namespace, &[], scope).await?;
        let pair = stack.pair("routed", &json!({})).await?;
        cloud.set_tags(&pair.arn, &route_to(&namespace, &pair.user)).await?;
        for turn in 0..4 {
            if turn == 2 {
                stack.update().await?;
            }
            let version = stack.rotates(&pair).await?;
            cloud.wait_for_tag(&pair.arn, RECEIPT, &version, LIMIT).await?;
            let current = cloud.value(&pair.arn, "AWSCURRENT").await?;
            let password = current["password"].as_str().unwrap_or_default().to_owned();
            let holds = move |data: &SecretData| data.get("password") == Some(&password);
            cloud.kubernetes()?.wait_for_secret(&namespace, &pair.user, holds, LIMIT).await?;
        }
        Ok(())
    })
}

#[test]
fn incidents_and_messages_of_0_1_survive_the_update() -> Result<()> {
    on_the_cloud(async |cloud| {
        let mut stack = Stack::of_0_1(cloud, "queued", &[]).await?;
        let (open, queued) = (stack.pair("open", &json!({})).await?, stack.pair("queued", &json!({})).await?);
        // A rotation fails, and its incident is open during the update.
        cloud.set_tags(&open.arn, &[("rotation-mq", "no-more")]).await?;
        let failed = stack.attempt(&open).await?;
        ensure!(failed.outcome == "failed", "{failed:?}");
        let before = stack.alerts.wait_for(&open.arn, 1).await?;
        // The handler may be about to finish with the event about that rotation.
        let queue = cloud.queue_of(&stack.variant, "DeadLetterQueueUrl").await?;
        until("the handler to have nothing to do", async || Ok(!queue.is_busy().await?)).await?;
        // A notice is in the queue during the update, and no function processes it.
        let handler = stack.variant.stack.output("HandlerFunctionName")?.to_owned();
        let none = cloud.lambda.put_function_concurrency().function_name(&handler);
        none.reserved_concurrent_executions(0).send().await?;
        let rests = queue.depth().await?;
        let body = notice(&queued.arn, "broker.unreachable", "before", "2026-01-01T00:00:00Z");
        queue.send(&[body]).await?;
        let depth = queue.depth().await?;
        ensure!(depth == rests + 1, "the message was handled before the update: {rests} before, {depth} now");
        ensure!(stack.alerts.about(&queued.arn).await?.is_empty(), "it was reported before the update");
        stack.update().await?;
        cloud.lambda.delete_function_concurrency().function_name(&handler).send().await?;

        let alerts = stack.alerts.wait_for(&queued.arn, 1).await?;
        ensure!(types(&alerts) == ["incident.opened"], "{alerts:#?}");
        cloud.set_tags(&open.arn, &[("rotation-mq", "rotate")]).await?;
        stack.take_pending_off(&open).await?;
        stack.rotates(&open).await?;
        let alerts = stack.alerts.wait_for(&open.arn, 2).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        let incident = |alert: &Value| alert["metadata"]["additionalContext"]["incidentId"].clone();
        ensure!(before.first().map(incident) == alerts.last().map(incident), "{alerts:#?}");
        Ok(())
    })
}
