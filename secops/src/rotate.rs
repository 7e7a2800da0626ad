//! `rotate`: rotates a secret now, and follows the rotation to the clients.

use serde_json::json;

use crate::context::{Context, Standing};
use crate::follow::{self, Clients, Journal, Unseen};
use crate::outcome::{Outcome, Result};
use crate::screen::text::{foreign, short_version};

/// Starts a rotation or joins a running one. With `follow`, shows each step until it is over.
pub async fn rotate(context: &Context, id: &str, follow: bool) -> Result<Outcome> {
    let secret = context.secret(id).await?;
    let journal = Journal::new(context);
    let again = context.call(&["rotate", id, "--follow"]);
    let stand = |done: &[&str], left: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        context.stand(Standing { done: texts(done), left: texts(left), command: Some(again.clone()) });
    };
    // Whoever interrupts the request does not know whether AWS has taken it.
    stand(&[], &["the rotation; if it has started, Secrets Manager finishes it"]);
    let started = follow::begin(context, &secret, &journal).await?;
    if !follow {
        if context.is_json() {
            let found = json!({"secret": secret.arn, "before": started.before, "joined": started.joined});
            context.screen.json(&found)?;
        } else {
            context
                .screen
                .say(&format!("The rotation of {} runs. Follow it: {again}", foreign(&secret.name)));
        }
        return Ok(Outcome::Well);
    }
    stand(&["the rotation was started"], &["it may still be running; Secrets Manager finishes it"]);
    let version = follow::rotation(context, &started, &journal).await?;
    stand(&["the secret is rotated"], &["the cluster may not have the new version yet"]);
    follow::delivery(context, &secret.arn, started.since, &journal).await?;
    stand(&["the secret is rotated and delivered"], &["clients may still use the former user"]);
    let clients = follow::clients(context, &secret.arn, &journal, Unseen::Skip).await?;
    if context.is_json() {
        let still = match &clients {
            Clients::Moved => json!(0),
            Clients::Still(_, total) => json!(total),
            Clients::Unknown(_) => json!(null),
        };
        let found = json!({
            "secret": secret.arn, "before": started.before, "current": version, "joined": started.joined,
            "formerUserConnections": still, "steps": journal.steps(),
        });
        context.screen.json(&found)?;
    } else {
        let end = match clients {
            Clients::Still(..) => {
                "Clients of the former user work until its next turn. Restart them before that."
            }
            Clients::Unknown(_) => "Whether clients still use the former credentials is not known.",
            Clients::Moved => "All is well.",
        };
        let version = short_version(&version);
        context.screen.say(&format!("\n{} has version {version}. {end}", foreign(&secret.name)));
    }
    Ok(Outcome::Well)
}
