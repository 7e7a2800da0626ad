//! `status`: all secrets of the stack, first those that need a person.

mod row;

use std::time::Duration;

use contract::{Login, Severity, Tags, is_elsewhere};
use futures_util::StreamExt as _;
use jiff::Timestamp;
pub use row::Row;

use crate::aws::AwsError;
use crate::context::Context;
use crate::incidents::{Incident, incidents};
use crate::inspector;
use crate::outcome::{Outcome, Problem, Result};
use crate::screen::table::{Cell, Table};
use crate::screen::text::{foreign, short_version};
use crate::screen::{Style, time};
use crate::secret::Secret;

/// The time between two looks of `--watch`.
const EVERY: Duration = Duration::from_secs(10);
/// Each check is a login at the broker, so only so many secrets are checked: those at the top.
const LOGINS: usize = 20;
const LOGINS_AT_ONCE: usize = 5;

/// Shows the table, or one secret.
pub async fn status(context: &Context, id: Option<&str>, watch: bool) -> Result<Outcome> {
    if watch && (context.is_json() || context.screen.width.is_none()) {
        return Err(Problem::usage("--watch needs a terminal and --output table"));
    }
    loop {
        let rows = match rows(context, id).await {
            Ok(rows) => rows,
            // A table that stays on the screen outlives a broken network. What a person must mend ends it.
            Err(error) if watch && is_passing(&error) => {
                context.progress.clear();
                context.screen.say(&format!("{}; it is tried again", foreign(&format!("{error:#}"))));
                tokio::time::sleep(EVERY).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let outcome = if rows.iter().any(Row::needs_person) { Outcome::NeedsPerson } else { Outcome::Well };
        if context.is_json() {
            context.screen.json(&rows)?;
            return Ok(outcome);
        }
        let text = match (id, rows.first()) {
            (Some(_), Some(row)) => one(context, row),
            _ => table(context, &rows),
        };
        if !watch {
            context.screen.say(&text);
            return Ok(outcome);
        }
        let clock = time::minute((context.now)());
        context.screen.say(&format!("\u{1b}[H\u{1b}[J{text}\n\n{clock} UTC, Ctrl-C ends it"));
        tokio::time::sleep(EVERY).await;
    }
}

/// Whether the same question may have an answer in some seconds.
fn is_passing(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(AwsError::Unreachable { .. })))
}

async fn rows(context: &Context, id: Option<&str>) -> Result<Vec<Row>> {
    let stack = context.stack()?;
    let table = context.incidents()?;
    let (secrets, items) = if let Some(id) = id {
        let secret = context.secret(id).await?;
        let items = table.of(&secret.arn).await?;
        (vec![secret], items)
    } else {
        let both = async { tokio::try_join!(secrets(context), async { Ok(table.items(false).await?) }) };
        context.progress.during("reading the secrets and the incidents", both).await?
    };
    let open: Vec<Incident> = incidents(&items).into_iter().filter(Incident::is_open).collect();
    let now = (context.now)();
    let function = stack.output("RotationFunctionArn");
    let mut rows: Vec<Row> = secrets.iter().map(|secret| Row::of(secret, &open, function, now)).collect();
    rows.sort_by(|one, other| one.order().cmp(&other.order()));
    if inspector::is_available(context) {
        let checks = logins(context, &mut rows);
        context.progress.during("checking the logins", checks).await;
        rows.sort_by(|one, other| one.order().cmp(&other.order()));
    }
    Ok(rows)
}

/// The secrets that this stack rotates, and those that people rotate under a policy.
pub async fn secrets(context: &Context) -> Result<Vec<Secret>> {
    let stack = context.stack()?;
    let (key, value) = (
        stack.parameter("RotationTagKey").unwrap_or("rotation-mq"),
        stack.parameter("RotationTagValue").unwrap_or("rotate"),
    );
    let mut secrets = context.secrets.with_tags(&[key, Tags::MAX_AGE_DAYS, Tags::OWNER]).await?;
    let function = stack.output("RotationFunctionArn");
    secrets.retain(|secret| {
        let is_replica =
            secret.primary_region.as_deref().is_some_and(|region| is_elsewhere(&secret.arn, region));
        let is_rotated = function.is_some() && secret.rotation_function.as_deref() == function;
        let is_by_hand = secret.rotation_function.is_none()
            && (secret.tags.get(key) == Some(value) || secret.tags.get(Tags::MAX_AGE_DAYS).is_some());
        !is_replica && (is_rotated || is_by_hand)
    });
    secrets.sort_by(|one, other| one.arn.cmp(&other.arn));
    secrets.dedup_by(|one, other| one.arn == other.arn);
    Ok(secrets)
}

/// Asks for the user in turn, and whether it logs in. What cannot be asked stays unknown.
async fn logins(context: &Context, rows: &mut [Row]) {
    let asked: Vec<(usize, String, String)> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.rotates)
        .filter_map(|(at, row)| Some((at, row.arn.clone(), row.current.clone()?)))
        .take(LOGINS)
        .collect();
    let checks = asked
        .into_iter()
        .map(async |(at, arn, version)| (at, inspector::check_login(context, &arn, &version).await));
    let checks = futures_util::stream::iter(checks).buffer_unordered(LOGINS_AT_ONCE);
    for (at, check) in checks.collect::<Vec<_>>().await {
        if let Some(row) = rows.get_mut(at) {
            row.learn(check.ok());
        }
    }
}

fn table(context: &Context, rows: &[Row]) -> String {
    if rows.is_empty() {
        return "This stack rotates no secret.".to_owned();
    }
    let now = (context.now)();
    let mut table =
        Table::new(&["SECRET", "USER", "AGE", "NEXT", "STAGES", "DELIVERED", "OWNER", "NEEDS A PERSON"]);
    for row in rows {
        table.row(vec![
            foreign(&row.name).into(),
            user(row),
            row.rotated_at.map_or_else(|| "?".to_owned(), |at| time::rough(now.duration_since(at))).into(),
            next(row.next_rotation, now),
            row.stages.clone().into(),
            delivered(row.delivered),
            foreign(row.owner.as_deref().unwrap_or("-")).into(),
            needs(row),
        ]);
    }
    let needed = rows.iter().filter(|row| row.needs_person()).count();
    let sum = match needed {
        0 => context.screen.paint(Style::Good, &format!("{} secrets, all is well", rows.len())),
        _ => format!("{} secrets, {needed} need a person", rows.len()),
    };
    format!("{}\n\n{sum}", table.lines(&context.screen))
}

fn one(context: &Context, row: &Row) -> String {
    let now = (context.now)();
    let mut table = Table::fields();
    table.field("secret", foreign(&row.name));
    table.field("user", user(row));
    table.field("last rotation", row.rotated_at.map_or_else(|| "?".to_owned(), |at| time::relative(at, now)));
    table.field("next rotation", next(row.next_rotation, now));
    for (version, stages) in &row.versions {
        table.field(&short_version(version), foreign(&stages.join(" ")));
    }
    table.field("delivered", delivered(row.delivered));
    table.field("owner", foreign(row.owner.as_deref().unwrap_or("-")));
    for need in &row.needs {
        table.field("needs a person", Cell::new(style(need.severity), need.words()));
    }
    if row.needs.is_empty() {
        table.field("needs a person", Cell::new(Style::Good, "no"));
    }
    let more = context.call(&["inspect", &row.name]);
    format!("{}\n\nThe broker's side: {more}", table.lines(&context.screen))
}

fn user(row: &Row) -> Cell {
    let name = foreign(row.user.as_deref().unwrap_or("?"));
    match row.login {
        Some(Login::Accepted) => Cell::new(Style::Good, format!("{name} (logs in)")),
        Some(Login::Refused) => Cell::new(Style::Bad, format!("{name} (refused)")),
        Some(Login::Unknown) | None => name.into(),
    }
}

fn next(at: Option<Timestamp>, now: Timestamp) -> Cell {
    at.map_or_else(|| "-".into(), |at| time::relative(at, now).into())
}

fn delivered(delivered: Option<bool>) -> Cell {
    match delivered {
        None => "-".into(),
        Some(true) => Cell::new(Style::Good, "yes"),
        Some(false) => Cell::new(Style::Bad, "no"),
    }
}

fn needs(row: &Row) -> Cell {
    let Some(worst) = row.needs.first() else { return "".into() };
    let more = if row.needs.len() > 1 { format!(" (+{})", row.needs.len() - 1) } else { String::new() };
    Cell::new(style(worst.severity), format!("{}{more}", worst.words()))
}

/// A severity, for a table.
#[must_use]
pub fn severity_cell(severity: Severity) -> Cell {
    Cell::new(style(severity), severity.as_str())
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::Error => Style::Bad,
        Severity::Warning => Style::Warning,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn only_a_call_without_an_answer_is_repeated_by_the_watch() {
        let timeout = Duration::from_secs(20);
        let unreachable = AwsError::Unreachable { service: "Lambda", operation: "Invoke", timeout };
        let wrapped = Err::<(), _>(unreachable).context("the secret cannot be read").unwrap_err();
        assert!(is_passing(&wrapped));
        let refused = AwsError::NoCredentials { reason: "expired".to_owned() };
        assert!(!is_passing(&refused.into()) && !is_passing(&Problem::failed("no")));
    }
}
