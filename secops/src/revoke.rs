//! `revoke`: an incident from beginning to end, in the order of the playbook `leaked-credential`.
//!
//! What comes next is decided from what AWS says now ([`plan`]), so the command can be interrupted at any time and called
//! again. Only the version that leaked must be remembered ([`place`]): after the rotation, AWSCURRENT is another one.

mod act;
mod place;
mod plan;

use act::Run;
use contract::Login;
use place::Place;
use plan::{Next, Seen};
use serde_json::json;

use crate::ask::Question;
use crate::context::{Context, Standing};
use crate::follow::Journal;
use crate::outcome::{Outcome, Problem, Result};
use crate::screen::Style;
use crate::screen::text::{foreign, short_version};
use crate::screen::time;
use crate::secret::{Secret, find_version, is_complete_id};

/// What the person asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The version that leaked.
    pub version: Option<&'a str>,
    /// Why.
    pub reason: &'a str,
    /// Do not wait for the delivery and the clients.
    pub force: bool,
}

/// The steps of the plan are few. More rounds mean that somebody else changes the secret all the time.
const ROUNDS: usize = 20;

/// Revokes a version, or continues an interrupted revocation.
pub async fn revoke(context: &Context, id: &str, wanted: &Wanted<'_>) -> Result<Outcome> {
    let secret = context.secret(id).await?;
    let version = match wanted.version {
        Some(text) => Some(named(context, &secret, text).await?),
        None => None,
    };
    let (folder, now) = (context.state_folder.as_deref(), (context.now)());
    let place = Place::choose(folder, &secret, version.as_deref(), wanted.reason, now);
    let place = place.map_err(Problem::failed)?;
    if place.is_over() {
        let words = format!("version {} was revoked {}", short_version(&place.version), ago(&place, context));
        context.progress.clear();
        // Standard output of a script has the result alone.
        if !context.is_json() {
            let more = "Its login is checked once more. For another version, use --version.";
            context.screen.say(&format!("{words}. {more}"));
        }
    } else {
        context.confirm(&question(&secret, &place, wanted, context)).await?;
    }
    let again = again(context, id, &place.version, wanted);
    let journal = Journal::new(context);
    let mut run = Run::new(context, &journal, place, again, wanted);
    for _ in 0..ROUNDS {
        let secret = context.secrets.describe(&secret.arn).await?;
        let seen = Seen {
            secret: &secret,
            leaked: &run.place.version,
            force: wanted.force,
            clients_were_waited_for: run.clients_were_waited_for,
            is_revoked: run.place.is_over(),
            proof: run.proof,
        };
        let next = plan::next(&seen);
        run.stand(&next);
        match next {
            Next::Stop(why) => return Err(Problem::failed(why)),
            Next::Done => return end(context, &secret, &run),
            step => run.take(&step, &secret).await?,
        }
    }
    Err(Problem::failed("the secret changes all the time; see `secops status`, and repeat the command"))
}

/// The version that a person names. One without a label is not in the description of the secret.
async fn named(context: &Context, secret: &Secret, text: &str) -> Result<String> {
    if secret.versions.iter().any(|version| version.id == text) {
        return Ok(text.to_owned());
    }
    let asked = context.secrets.versions(&secret.arn);
    let versions = context.progress.during("reading the versions", asked).await?;
    match find_version(&versions, text).map_err(Problem::usage)? {
        Some(id) => Ok(id.to_owned()),
        // Secrets Manager deletes old versions. The plan says what that means.
        None if is_complete_id(text) => Ok(text.to_owned()),
        None => Err(Problem::usage("no version of the secret begins so; `secops inspect` lists them")),
    }
}

fn again(context: &Context, id: &str, version: &str, wanted: &Wanted<'_>) -> String {
    let mut words = vec!["revoke", id, "--version", version, "--reason", wanted.reason];
    words.extend(wanted.force.then_some("--force"));
    context.call(&words)
}

fn ago(place: &Place, context: &Context) -> String {
    place.revoked_at.map_or_else(String::new, |at| time::relative(at, (context.now)()))
}

fn question(secret: &Secret, place: &Place, wanted: &Wanted<'_>, context: &Context) -> Question {
    let name = foreign(&secret.name);
    let version = short_version(&place.version);
    let is_current = secret.current() == Some(place.version.as_str());
    let mut steps = Vec::new();
    if is_current {
        steps.push("Rotate the secret, so that its applications get another user or password".to_owned());
    }
    if !wanted.force {
        if secret.tags.is_routed() {
            steps.push("Wait until the cluster has the new version".to_owned());
        }
        steps.push("Wait up to two minutes and a half for the clients to move to it".to_owned());
    }
    steps.push(
        "Give the user of the leaked version a password that nobody knows, and close its connections"
            .to_owned(),
    );
    steps.push("Prove that the broker refuses the leaked login".to_owned());
    let mut notes = vec!["Each client that still uses the leaked version is cut off.".to_owned()];
    if wanted.force {
        notes.push("With --force, that may be production: nothing is waited for.".to_owned());
    }
    if place.is_resumed {
        let when = time::relative(place.started_at, (context.now)());
        notes.push(format!("This continues the revocation that began {when}."));
    }
    if let Some(other) = &place.unfinished {
        let version = short_version(other);
        notes.push(format!(
            "The revocation of version {version} has not ended. Repeat it afterwards with --version."
        ));
    }
    let stage = secret.versions.iter().find(|one| one.id == place.version).map(|one| one.stages.join(" "));
    let stage = foreign(&stage.unwrap_or_default());
    Question { title: format!("Revoke version {version} ({stage}) of {name}"), steps, notes }
}

fn end(context: &Context, secret: &Secret, run: &Run<'_>) -> Result<Outcome> {
    let answer = run.answer.clone().unwrap_or_default();
    // The answer of an earlier call proves nothing now.
    let is_proved = run.proof == Some(Login::Refused) || run.answer.is_some();
    let outcome = if is_proved { Outcome::Well } else { Outcome::NeedsPerson };
    if context.is_json() {
        context.screen.json(&json!({
            "secret": secret.arn, "version": run.place.version, "login": run.proof, "revocation": answer,
            "current": secret.current(), "steps": run.journal.steps(),
        }))?;
        return Ok(outcome);
    }
    let version = short_version(&run.place.version);
    let (style, words) = if run.proof == Some(Login::Refused) {
        (Style::Good, format!("Done: the broker refuses the login of version {version}."))
    } else if is_proved {
        let words = "Its login could not be checked once more.";
        (Style::Good, format!("Done: the function has cut version {version} off. {words}"))
    } else {
        let words = "Whether its login is still refused could not be checked: repeat the command.";
        (Style::Bad, format!("Version {version} was revoked {}. {words}", ago(&run.place, context)))
    };
    context.screen.say(&format!("\n{}", context.screen.paint(style, &words)));
    context
        .screen
        .say("Now find out what was done with the credentials: `secops explain leaked-credential`, step 5.");
    Ok(outcome)
}

/// Where the command stands before a step.
fn standing(next: &Next, place: &Place, again: &str) -> Standing {
    let version = short_version(&place.version);
    let mut left: Vec<String> = match next {
        Next::Rotate => vec!["the rotation; if it has started, Secrets Manager finishes it".to_owned()],
        Next::AwaitRotation => vec!["the rotation, which Secrets Manager finishes by itself".to_owned()],
        Next::AwaitDelivery => vec!["the delivery to the cluster, which goes on by itself".to_owned()],
        Next::AwaitClients => vec!["some clients may still use the leaked version".to_owned()],
        Next::Revoke => {
            vec![format!("the function may still be cutting version {version} off; it is safe to repeat")]
        }
        Next::Prove => vec![format!("the last check of the login of version {version}")],
        Next::Done | Next::Stop(_) => Vec::new(),
    };
    if matches!(next, Next::Rotate | Next::AwaitRotation | Next::AwaitDelivery | Next::AwaitClients) {
        left.push(format!("VERSION {version} STILL LOGS IN"));
    }
    Standing { done: place.done.clone(), left, command: Some(again.to_owned()) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::secret::example::{CURRENT, secret};

    #[test]
    fn an_interruption_before_the_revocation_says_that_the_leaked_version_still_logs_in() {
        let place = Place::choose(None, &secret("a"), None, "x", Timestamp::UNIX_EPOCH).expect("a place");
        assert_eq!(place.version, CURRENT);
        for (next, still) in [
            (Next::Rotate, true),
            (Next::AwaitRotation, true),
            (Next::AwaitDelivery, true),
            (Next::AwaitClients, true),
            (Next::Revoke, false),
            (Next::Prove, false),
        ] {
            let standing = standing(&next, &place, "secops revoke a");
            let says = standing.left.iter().any(|line| line.contains("STILL LOGS IN"));
            assert_eq!(says, still, "{next:?}");
            assert!(!standing.left.is_empty() && standing.command.is_some(), "{next:?}");
        }
    }
}
