//! `adopt`: gives a broker user of the pair to a secret.

use serde_json::{Value, json};

use crate::ask::Question;
use crate::context::{Context, Standing};
use crate::incident_function::act;
use crate::outcome::{Outcome, Result};
use crate::screen::text::foreign;

/// Asks the person, then the function for incidents.
pub async fn adopt(context: &Context, id: &str, user: &str, reason: &str) -> Result<Outcome> {
    let secret = context.secret(id).await?;
    let (name, shown) = (foreign(&secret.name), foreign(user));
    let question = Question {
        title: format!("Give broker user {shown} to the secret {name}"),
        steps: vec![
            format!("Mark {shown} as a user of this secret"),
            format!("Give {shown} a random password that nobody knows, unless AWSCURRENT is this user"),
        ],
        notes: vec![
            format!(
                "Clients that log in as {shown} with another password are locked out. Adopt a user only if it"
            ),
            "belongs to this secret, or if nobody uses it any more.".to_owned(),
            "To undo it, set the former password on the user in the broker's console, if you know it."
                .to_owned(),
        ],
    };
    context.confirm(&question).await?;
    context.stand(Standing {
        done: Vec::new(),
        left: vec!["the function was asked, and may still be working; it is safe to ask again".to_owned()],
        command: Some(context.call(&["adopt", id, user, "--reason", reason])),
    });
    let asked = async { act(context, "adopt", &secret.arn, reason, &json!({"User": user})).await };
    let answer = context.progress.during("adopting the user", asked).await?;
    if context.is_json() {
        context.screen.json(&answer)?;
        return Ok(Outcome::Well);
    }
    let list = |field: &str| {
        let texts = answer[field].as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(foreign).collect::<Vec<_>>().join(", ")
    };
    context.screen.say(&format!("User {shown} belongs to {name} now."));
    for (field, words) in [("wasMarkedFor", "It had the mark of"), ("connected", "Still connected")] {
        let list = list(field);
        if !list.is_empty() {
            context.screen.say(&format!("{words}: {list}"));
        }
    }
    context.screen.say(&format!("Rotate it now: {}", context.call(&["rotate", id, "--follow"])));
    Ok(Outcome::Well)
}
