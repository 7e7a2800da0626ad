//! Reads everything that the judgements need. Calls that do not depend on each other run at the same time. What does not
//! answer before the time is over is unseen, and everything else is still shown.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use futures_util::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::facts::{Facts, Seen, Unseen};
use crate::aws::cloudformation::{Resource, Stack};
use crate::aws::{AwsError, sts};
use crate::context::Context;

mod inside;
mod parts;
mod secrets;

/// Calls at the same time. Each API of AWS that is asked here serves more in a second.
const LANES: usize = 8;

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// Only this secret. None: all of the stack.
    pub secret: Option<&'w str>,
    /// How many secrets are inspected at most. 0: all.
    pub secrets: usize,
    /// The time for everything.
    pub within: Duration,
}

/// Reads the facts of one set-up.
#[derive(Debug, Clone, Copy)]
struct Gather<'g> {
    context: &'g Context,
    config: &'g SdkConfig,
    until: Instant,
}

/// Reads all facts.
///
/// # Errors
/// When AWS does not know the caller, the stack does not exist, or the one secret cannot be read: then nothing else can be
/// seen either.
pub async fn gather(context: &Context, wanted: Wanted<'_>) -> crate::Result<Facts> {
    let caller = match sts::caller(&context.config).await {
        Err(error) if error.is_about_identity() && !error.is_denied() => return Err(error.into()),
        other => other.map_err(|error| Unseen::from_aws("sts:GetCallerIdentity", &error)),
    };
    // CloudFormation has no other code for it. A report in which all is unknown would end with the exit code 0.
    if context.stack_or_error().is_err_and(|error| error.is("ValidationError")) {
        context.stack()?;
    }
    let one = match wanted.secret {
        Some(secret) => Some(context.secret(secret).await?),
        None => None,
    };
    let gather = Gather { context, config: &context.config, until: Instant::now() + wanted.within };
    let mut facts = Facts { caller, ..Facts::unseen(&Unseen::DependsOn("the stack")) };
    facts.stack = match context.stack_or_error() {
        Ok(stack) => Ok(stack.clone()),
        Err(error) => Err(Unseen::from_aws("cloudformation:DescribeStacks", error)),
    };
    facts.trails = gather.trails().await;
    let Ok(stack) = facts.stack.clone() else { return Ok(facts) };
    let resources = Stack::resources(&context.config, &stack.name);
    facts.resources = gather.ask("cloudformation:ListStackResources", resources).await;
    let progress = &context.progress;
    progress.during("checking the stack", gather.parts(&stack, &mut facts)).await;
    facts.secrets = progress.during("reading the secrets", gather.secrets(&stack, one.as_ref())).await;
    // Shared references for the calls that follow.
    let secrets = facts.secrets.as_deref().unwrap_or_default().to_vec();
    let inspect = gather.inspections(&stack, &secrets, wanted.secrets);
    let (inspections, routes, cluster) =
        tokio::join!(inspect, gather.routes(&stack), gather.cluster(&stack, &secrets, wanted.secrets));
    (facts.inspections, facts.not_inspected) = inspections;
    facts.routes = routes;
    facts.cluster = cluster;
    Ok(facts)
}

impl<'g> Gather<'g> {
    /// One call, at most until the time is over.
    async fn ask<T>(
        self,
        permission: &'static str,
        call: impl Future<Output = Result<T, AwsError>>,
    ) -> Seen<T> {
        match tokio::time::timeout_at(self.until, call).await {
            Ok(answer) => answer.map_err(|error| Unseen::from_aws(permission, &error)),
            Err(_) => Err(Unseen::NoTime),
        }
    }

    /// One call for each resource of a type. The names are those in the template.
    async fn each<T, F>(
        self,
        resources: &[Resource],
        kind: &str,
        ask: impl Fn(String) -> F,
    ) -> BTreeMap<String, Seen<T>>
    where
        F: Future<Output = Seen<T>>,
    {
        let of_kind = resources.iter().filter(|resource| resource.kind == kind && is_there(resource));
        let calls: Vec<_> = of_kind
            .map(|resource| {
                let (name, call) = (resource.logical_id.clone(), ask(resource.physical_id.clone()));
                async move { (name, call.await) }
            })
            .collect();
        stream::iter(calls).buffer_unordered(LANES).collect::<Vec<_>>().await.into_iter().collect()
    }
}

/// CloudFormation still lists what it has deleted.
fn is_there(resource: &Resource) -> bool {
    resource.status != "DELETE_COMPLETE" && !resource.physical_id.is_empty()
}
