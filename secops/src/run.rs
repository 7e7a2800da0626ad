//! Runs one command, and ends it if the person interrupts it.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use crate::arguments::{Arguments, Command, IncidentAction};
use crate::context::{Context, Standing, Surroundings};
use crate::outcome::{INTERRUPTED, Outcome, Result, code_of};
use crate::screen::{Screen, text};
use crate::{
    adopt, deliver, doctor, due, explain, incidents, inspect, revoke, rollback, rotate, status, texts,
};

/// Runs the command. The exit code is described in the help text.
pub async fn run(arguments: Arguments, surroundings: Surroundings) -> ExitCode {
    let screen = Screen::of(&arguments.options, surroundings);
    match &arguments.command {
        Command::Explain { kind } => {
            return end(explain::explain(&arguments.options, &screen, kind.as_deref()));
        }
        Command::Completions { shell } => return end(texts::completions(*shell)),
        Command::Man => return end(texts::man()),
        _ => {}
    }
    let connected = tokio::select! {
        connected = Context::new(&arguments.options, surroundings) => connected,
        () = interrupt() => return interrupted(&Standing::default()),
    };
    let context = match connected {
        Ok(context) => context,
        Err(error) => return failed(&error),
    };
    tokio::select! {
        ended = command(&context, &arguments.command) => {
            context.progress.clear();
            if ended.is_err() && context.standing() != Standing::default() {
                complain(&words("Not finished.", &context.standing()));
            }
            end(ended)
        }
        () = interrupt() => {
            context.progress.clear();
            interrupted(&context.standing())
        }
    }
}

async fn command(context: &Context, command: &Command) -> Result<Outcome> {
    match command {
        Command::Status { secret, watch } => status::status(context, secret.as_deref(), *watch).await,
        Command::Inspect { secret } => inspect::inspect(context, secret).await,
        Command::Rotate { secret, follow } => rotate::rotate(context, secret, *follow).await,
        Command::Revoke { secret, version, reason, force } => {
            let wanted = revoke::Wanted { version: version.as_deref(), reason, force: *force };
            revoke::revoke(context, secret, &wanted).await
        }
        Command::Incidents { all, action: None } => incidents::list(context, *all).await,
        Command::Incidents { action: Some(IncidentAction::Close { secret, area, reason }), .. } => {
            incidents::close(context, secret, area, reason).await
        }
        Command::Rollback { secret, to } => rollback::rollback(context, secret, to.as_deref()).await,
        Command::Deliver { secret } => deliver::deliver(context, secret).await,
        Command::Due => due::due(context).await,
        Command::Adopt { secret, user, reason } => adopt::adopt(context, secret, user, reason).await,
        Command::Doctor { secret, secrets, within } => {
            let within = Duration::from_secs(u64::from(*within));
            let wanted = doctor::Wanted { secret: secret.as_deref(), secrets: *secrets, within };
            doctor::doctor(context, wanted).await
        }
        // They need no connection to AWS.
        Command::Explain { .. } | Command::Completions { .. } | Command::Man => Ok(Outcome::Well),
    }
}

/// Waits for Ctrl-C.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn end(ended: Result<Outcome>) -> ExitCode {
    ended.map_or_else(|error| failed(&error), ExitCode::from)
}

/// Shows an error with its causes, and returns its exit code.
#[must_use]
pub fn failed(error: &anyhow::Error) -> ExitCode {
    complain(&format!("secops: {}", text::foreign(&format!("{error:#}"))));
    ExitCode::from(code_of(error))
}

fn interrupted(standing: &Standing) -> ExitCode {
    complain(&format!("\n{}", words("Interrupted.", standing)));
    ExitCode::from(INTERRUPTED)
}

/// What is done, what is not, and how to continue.
fn words(title: &str, standing: &Standing) -> String {
    let mut lines = vec![title.to_owned()];
    lines.extend(standing.done.iter().map(|what| format!("  done      {what}")));
    lines.extend(standing.left.iter().map(|what| format!("  not done  {what}")));
    if standing.done.is_empty() && standing.left.is_empty() {
        lines.push("  nothing was changed".to_owned());
    }
    lines.extend(standing.command.iter().map(|command| format!("To continue: {command}")));
    lines.join("\n")
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_says_what_is_done_and_how_to_continue() {
        assert_eq!(words("Interrupted.", &Standing::default()), "Interrupted.\n  nothing was changed");
        let standing = Standing {
            done: vec!["the secret is rotated".to_owned()],
            left: vec!["version 11111111 still logs in".to_owned()],
            command: Some("secops revoke rabbitmq/payment --reason leaked".to_owned()),
        };
        let expected = "Interrupted.\n  done      the secret is rotated\n  not done  version 11111111 still logs in\n\
                        To continue: secops revoke rabbitmq/payment --reason leaked";
        assert_eq!(words("Interrupted.", &standing), expected);
    }
}
