//! `inspect`: everything of one secret, from where the broker can be reached.

mod page;

use contract::Inspection;

use crate::context::Context;
use crate::inspector;
use crate::outcome::{Outcome, Result};

/// Shows what the function `inspect` sees.
pub async fn inspect(context: &Context, id: &str) -> Result<Outcome> {
    let secret = context.secret(id).await?;
    let asked = inspector::look(context, &secret.arn);
    let found = context.progress.during("looking at the secret, its users and its clients", asked).await?;
    if context.is_json() {
        context.screen.json(&found)?;
    } else {
        context.screen.say(&page::page(&found, &context.screen, (context.now)()));
    }
    Ok(outcome(&found))
}

fn outcome(found: &Inspection) -> Outcome {
    if found.findings.is_empty() { Outcome::Well } else { Outcome::NeedsPerson }
}
