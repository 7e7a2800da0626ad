//! `rollback`: moves AWSCURRENT back to an earlier version.

use contract::Login;
use serde_json::json;

use crate::ask::Question;
use crate::context::{Context, Standing};
use crate::follow::{self, Journal};
use crate::inspector;
use crate::outcome::{Outcome, Problem, Result};
use crate::screen::text::{foreign, short_version};
use crate::secret::{Secret, Version, find_version};

/// Moves the label: the schedule, what is left of a rotation, the receipt, the label, the delivery. Interrupted before the
/// label is moved, the same command continues. After it, only the delivery is left.
pub async fn rollback(context: &Context, id: &str, to: Option<&str>) -> Result<Outcome> {
    let secret = context.secret(id).await?;
    let asked = context.secrets.versions(&secret.arn);
    let versions = context.progress.during("reading the versions", asked).await?;
    let (from, to) = target(&secret, &versions, to).map_err(Problem::failed)?;
    let login = login(context, &secret.arn, &to).await?;
    context.confirm(&question(&secret, &from, &to, login)).await?;
    let again = context.call(&["rollback", id, "--to", &to]);
    let journal = Journal::new(context);
    let stand = |done: &[&str], left: &str| {
        let done = done.iter().map(|text| (*text).to_owned()).collect();
        context.stand(Standing { done, left: vec![left.to_owned()], command: Some(again.clone()) });
    };
    stand(&[], "AWSCURRENT was not moved");
    let since = (context.now)();
    if secret.rotation_enabled {
        context.secrets.cancel_rotation(&secret.arn).await?;
        journal.note("schedule", "is off");
    }
    stand(&["the schedule is off"], "AWSCURRENT was not moved");
    // First this label: on a version that is not AWSCURRENT any more, it would look like a rotation that is stuck.
    if secret.with_stage("AWSPENDING") == Some(from.as_str()) {
        context.secrets.remove_pending(&secret.arn, &from).await?;
        journal.note("AWSPENDING", format!("was removed from version {}", short_version(&from)));
    }
    if has_receipt_of(&secret, &to) {
        context.secrets.remove_receipt(&secret.arn).await?;
        journal.note("receipt", format!("of version {} was removed", short_version(&to)));
    }
    context.secrets.move_current(&secret.arn, &from, &to).await?;
    journal.note("AWSCURRENT", format!("is attached to version {}", short_version(&to)));
    context.stand(Standing {
        done: vec!["the schedule is off".to_owned(), "AWSCURRENT was moved".to_owned()],
        left: vec!["the cluster may not have it yet".to_owned()],
        command: Some(context.call(&["deliver", id])),
    });
    follow::delivery(context, &secret.arn, since, &journal).await?;
    if context.is_json() {
        let found = json!({"secret": secret.arn, "from": from, "to": to, "steps": journal.steps()});
        context.screen.json(&found)?;
    } else {
        let undo = context.call(&["rollback", id, "--to", &from]);
        let rotate = context.call(&["rotate", id, "--follow"]);
        context.screen.say(&format!(
            "\nTo undo it: {undo}\nWhen the cause is fixed, this switches the schedule on: {rotate}"
        ));
    }
    Ok(Outcome::Well)
}

/// From which version to which one, or why not.
fn target(secret: &Secret, versions: &[Version], to: Option<&str>) -> Result<(String, String), String> {
    let from = secret.current().ok_or("no version is AWSCURRENT")?;
    if let Some(pending) = secret.pending() {
        let (words, page) = ("a rotation runs or is stuck", "secops explain stuck-or-stale-pending-version");
        return Err(format!("{words}: version {} is AWSPENDING; see {page}", short_version(pending)));
    }
    let to = match to {
        None => secret.previous().ok_or("no version is AWSPREVIOUS; name one with --to")?,
        Some(to) => find_version(versions, to)?
            .ok_or("the secret has no such version; `secops inspect` lists those with a label")?,
    };
    if to == from {
        return Err("this version is AWSCURRENT already".to_owned());
    }
    Ok((from.to_owned(), to.to_owned()))
}

/// Whether the receipt names the version to which the secret returns. The cluster may have got a later version since that
/// receipt, by the operator's own refresh. So the receipt is removed before AWSCURRENT moves.
fn has_receipt_of(secret: &Secret, to: &str) -> bool {
    secret.tags.delivered() == Some(to)
}

/// A version that the broker refuses is no way back.
async fn login(context: &Context, arn: &str, version: &str) -> Result<Login> {
    if !inspector::is_available(context) {
        return Ok(Login::Unknown);
    }
    let asked = inspector::check_login(context, arn, version);
    match context.progress.during("checking whether that version logs in", asked).await {
        Ok(check) if check.login == Login::Refused => {
            let user = foreign(check.user.as_deref().unwrap_or("?"));
            let words = "nothing was done: the broker refuses the login of version";
            Err(Problem::failed(format!("{words} {} (user {user})", short_version(version))))
        }
        Ok(check) => Ok(check.login),
        Err(_) => Ok(Login::Unknown),
    }
}

fn question(secret: &Secret, from: &str, to: &str, login: Login) -> Question {
    let mut steps = Vec::new();
    if secret.rotation_enabled {
        steps.push("Switch the schedule off".to_owned());
    }
    if has_receipt_of(secret, to) {
        steps.push(format!("Remove the receipt of version {}", short_version(to)));
    }
    steps.push(format!(
        "Move AWSCURRENT from version {} to version {}",
        short_version(from),
        short_version(to)
    ));
    if secret.tags.is_routed() {
        steps.push("Wait until the cluster has it".to_owned());
    }
    let checked = match login {
        Login::Accepted => "The broker accepts the login of that version.",
        Login::Refused | Login::Unknown => "It could not be checked whether the broker accepts that version.",
    };
    let mut notes = vec![checked.to_owned()];
    if secret.rotation_enabled {
        notes.push(
            "The schedule that is off opens an incident (protection.rotation_off), unless your role is in SecretAdministrators."
                .to_owned(),
        );
    }
    Question { title: format!("Roll {} back", foreign(&secret.name)), steps, notes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::example::{CURRENT, PENDING, PREVIOUS, rotating, secret};

    #[test]
    fn the_way_back_leads_to_another_version_that_exists() {
        let mut old = secret("a").versions;
        old.push(Version { id: PENDING.to_owned(), stages: Vec::new(), created_at: None });
        let lonely = Secret { versions: old[1..2].to_vec(), ..secret("a") };
        for (what, secret, to, expected) in [
            ("the version before", secret("a"), None, Ok(PREVIOUS)),
            ("a version without a label", secret("a"), Some(PENDING), Ok(PENDING)),
            ("the current one", secret("a"), Some(CURRENT), Err("already")),
            ("by its first characters", secret("a"), Some("11111111"), Ok(PREVIOUS)),
            ("the current one by its first characters", secret("a"), Some("22222222"), Err("already")),
            ("an unknown one", secret("a"), Some("99999999"), Err("no such version")),
            ("too few characters", secret("a"), Some("x"), Err("8 characters")),
            ("while it rotates", rotating("a"), None, Err("a rotation runs")),
            ("nothing before", lonely, None, Err("AWSPREVIOUS")),
        ] {
            match (target(&secret, &old, to), expected) {
                (Ok((from, to)), Ok(expected)) => {
                    assert_eq!((from.as_str(), to.as_str()), (CURRENT, expected));
                }
                (Err(words), Err(expected)) => assert!(words.contains(expected), "{what}: {words}"),
                (found, _) => panic!("{what}: {found:?}"),
            }
        }
    }
}
