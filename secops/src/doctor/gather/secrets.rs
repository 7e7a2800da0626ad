//! The secrets of the stack, and what `inspect` sees of them.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{InspectRequest, Inspection, Routes};
use futures_util::stream::{self, StreamExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Gather;
use crate::aws::cloudformation::Stack;
use crate::aws::lambda::Answer;
use crate::doctor::facts::{Asked, FunctionFailed, Seen, Unseen};
use crate::doctor::rules::Rules;
use crate::secret::Secret;

/// Inspections at the same time. Each logs in to the broker several times.
const LANES: usize = 4;
/// The longest time of one invocation: the timeout of `inspect` or of secret2eks, and some seconds.
const INVOCATION: Duration = Duration::from_secs(65);
const INVOKE: &str = "lambda:InvokeFunction";

/// The outcome of each inspection, by the name of the secret, and how many secrets were left out.
pub(super) type Inspections = (BTreeMap<String, Seen<Asked<Inspection>>>, usize);

impl Gather<'_> {
    /// The secrets under the prefixes of the stack, and those that its function rotates. `one` leaves only this secret, and the
    /// admin secrets.
    pub(super) async fn secrets(self, stack: &Stack, one: Option<&Secret>) -> Seen<Vec<Secret>> {
        let (rules, secrets) = (Rules::of(stack), &self.context.secrets);
        let (prefixes, keys) = ([rules.prefix, rules.admin_prefix], [rules.key]);
        let (named, tagged) = tokio::join!(
            self.ask("secretsmanager:ListSecrets", secrets.named(&prefixes)),
            self.ask("secretsmanager:ListSecrets", secrets.with_tags(&keys)),
        );
        let (mut found, tagged) = (named?, tagged?);
        let function = stack.output("RotationFunctionArn");
        let ours = |secret: &Secret| function.is_some() && secret.rotation_function.as_deref() == function;
        found.extend(tagged.into_iter().filter(ours));
        found.retain(|secret| secret.deleted_at.is_none());
        if let Some(one) = one {
            found.retain(|secret| secret.arn == one.arn || secret.name.starts_with(rules.admin_prefix));
            if found.iter().all(|secret| secret.arn != one.arn) {
                found.push(one.clone());
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.arn == b.arn);
        Ok(found)
    }

    /// Inspects each secret that rotates, at most `limit` of them, a few at the same time.
    pub(super) async fn inspections(self, stack: &Stack, secrets: &[Secret], limit: usize) -> Inspections {
        let rules = Rules::of(stack);
        let rotated: Vec<&Secret> = secrets.iter().filter(|secret| rules.rotates(secret)).collect();
        let count = if limit == 0 { rotated.len() } else { rotated.len().min(limit) };
        let Some(function) = stack.output("InspectFunctionName") else {
            let unseen =
                |secret: &&Secret| (secret.name.clone(), Err(Unseen::DependsOn("the function inspect")));
            return (rotated.iter().take(count).map(unseen).collect(), rotated.len() - count);
        };
        let calls: Vec<_> = rotated
            .iter()
            .take(count)
            .map(|secret| async move {
                let request = InspectRequest::Inspect { secret_id: secret.arn.clone() };
                (secret.name.clone(), self.invoke(function, &json!(request)).await)
            })
            .collect();
        let (mut running, mut done) = (stream::iter(calls).buffer_unordered(LANES), BTreeMap::new());
        let (progress, began) = (&self.context.progress, Instant::now());
        loop {
            tokio::select! {
                next = running.next() => match next {
                    Some((name, seen)) => {
                        done.insert(name, seen);
                    }
                    None => break,
                },
                () = tokio::time::sleep(Duration::from_secs(1)) => {
                    progress.show(&format!("{} of {count} secrets are inspected", done.len()), began.elapsed());
                }
            }
        }
        progress.clear();
        (done, rotated.len() - count)
    }

    /// Which services the function reaches.
    pub(super) async fn routes(self, stack: &Stack) -> Seen<Asked<Routes>> {
        let function =
            stack.output("InspectFunctionName").ok_or(Unseen::DependsOn("the function inspect"))?;
        self.invoke(function, &json!(InspectRequest::Routes {})).await
    }

    /// Invokes a function that only looks.
    pub(super) async fn invoke<T: DeserializeOwned>(self, function: &str, event: &Value) -> Seen<Asked<T>> {
        let answer = self.ask(INVOKE, self.context.lambda.ask(function, event, INVOCATION)).await?;
        match answer {
            Answer::Done(value) => serde_json::from_value(value)
                .map(Ok)
                .map_err(|_| Unseen::Failed(format!("{function} answers in a form of another version"))),
            Answer::Failed { kind, message } => Ok(Err(FunctionFailed { kind, message })),
        }
    }
}
