//! `deliver`: requests the delivery of what is current to the cluster.

use std::time::Duration;

use contract::DeliveryRequest;
use serde_json::json;

use crate::aws::lambda::Answer;
use crate::context::{Context, Standing};
use crate::inspector::failed_as;
use crate::outcome::{Outcome, Problem, Result};
use crate::screen::text::{foreign, short_version};

/// secret2eks ends within the longest time of Lambda.
const LIMIT: Duration = Duration::from_secs(900);

/// Asks secret2eks, and waits for its answer.
pub async fn deliver(context: &Context, id: &str) -> Result<Outcome> {
    let secret = context.secret(id).await?;
    let name = foreign(&secret.name);
    if !secret.tags.is_routed() {
        let words = "goes to no cluster: it has no tag secret2eks/namespace";
        return Err(Problem::failed(format!("the secret {name} {words}")));
    }
    let version =
        secret.current().ok_or_else(|| Problem::failed(format!("no version of {name} is AWSCURRENT")))?;
    let stack = context.stack()?;
    let other = stack.parameter("Secret2EksFunctionArn").filter(|arn| !arn.is_empty());
    let Some(function) = stack.output("Secret2EksFunctionName").or(other) else {
        return Err(Problem::failed("this stack delivers to no cluster: EksClusterName is empty"));
    };
    let request = DeliveryRequest {
        secret_arn: secret.arn.clone(),
        version_id: version.to_owned(),
        attempt: 1,
        promoted_at: None,
        tested: false,
    };
    context.stand(Standing {
        done: Vec::new(),
        left: vec![
            "the delivery; if it was requested, it goes on. It is safe to request it again".to_owned(),
        ],
        command: Some(context.call(&["deliver", id])),
    });
    let event = json!(request);
    let asked = context.lambda.ask(function, &event, LIMIT);
    let answer = match context.progress.during("delivering to the cluster", asked).await? {
        Answer::Done(answer) => answer,
        Answer::Failed { kind, message } => return Err(failed_as(&kind, &message)),
    };
    if answer["outcome"] == "heldBack" {
        let text = |field: &str| answer["warnings"][0][field].as_str().unwrap_or_default().to_owned();
        return Err(failed_as(&text("kind"), &text("message")));
    }
    let is_delivered = answer["outcome"] == "delivered";
    if context.is_json() {
        context.screen.json(&answer)?;
    } else if is_delivered {
        let text = |field: &str| foreign(answer[field].as_str().unwrap_or("?"));
        let (version, place) =
            (short_version(&text("versionId")), [text("namespace"), text("name")].join("/"));
        let changed = if answer["changed"] == true { "" } else { " It had it already." };
        context.screen.say(&format!("The cluster has version {version} of {name} in {place}.{changed}"));
    } else {
        context.screen.say(&format!("Nothing was delivered: {}", foreign(&answer.to_string())));
    }
    Ok(if is_delivered { Outcome::Well } else { Outcome::NeedsPerson })
}
