//! `incidents`: what is open, and how a person closes what no success closes.

mod record;

use std::time::Duration;

use contract::{Area, CLOSE_SCHEMA, CloseRequest, Foreign};
pub use record::{Incident, about, incidents, rank};
use serde_json::json;

use crate::ask::Question;
use crate::aws::sqs;
use crate::context::{Context, Standing};
use crate::outcome::{Outcome, Problem, Result};
use crate::playbooks::hint;
use crate::screen::table::{Cell, Table};
use crate::screen::text::foreign;
use crate::screen::{Style, time};
use crate::status::severity_cell;

/// dlq-handler reads its queue within some seconds.
const POLLS: usize = 60;
const POLL: Duration = Duration::from_secs(1);

/// Shows the open incidents, the worst first, or all.
pub async fn list(context: &Context, all: bool) -> Result<Outcome> {
    let table = context.incidents()?;
    let items = context.progress.during("reading the incidents", table.items(all)).await?;
    let mut found = incidents(&items);
    found.retain(|incident| all || incident.is_open());
    found.sort_by_key(Incident::order);
    if context.is_json() {
        context.screen.json(&found)?;
    } else if found.is_empty() {
        context.screen.say("No incident is open.");
    } else {
        context.screen.say(&lines(context, &found));
    }
    let is_open = found.iter().any(Incident::is_open);
    Ok(if is_open { Outcome::NeedsPerson } else { Outcome::Well })
}

fn lines(context: &Context, found: &[Incident]) -> String {
    let now = (context.now)();
    let mut table = Table::new(&["SEVERITY", "SUBJECT", "AREA", "KIND", "SINCE", "FAILURES", "MESSAGE"]);
    for incident in found {
        let severity = match incident.severity {
            _ if !incident.is_open() => Cell::new(Style::Dim, "closed"),
            Some(severity) => severity_cell(severity),
            None => "?".into(),
        };
        table.row(vec![
            severity,
            foreign(incident.name()).into(),
            foreign(&incident.area).into(),
            foreign(&incident.kind).into(),
            time::relative(incident.opened_at, now).into(),
            incident.failures.to_string().into(),
            foreign(&incident.message).into(),
        ]);
    }
    let first = found.first().map(|incident| hint(&incident.kind)).unwrap_or_default();
    format!("{}\n\nWhat to do: {first}", table.lines(&context.screen))
}

/// Closes one incident. dlq-handler reads the request from its queue, and notifies people.
pub async fn close(context: &Context, id: &str, area: &str, reason: &str) -> Result<Outcome> {
    let area = Area::ALL.iter().copied().find(|known| known.as_str() == area || known.key() == area);
    let area = area.ok_or_else(|| {
        let areas: Vec<&str> = Area::ALL.iter().map(|area| area.as_str()).collect();
        Problem::usage(format!("there is no such area; the areas are {}", areas.join(", ")))
    })?;
    let queue = context.output("CloseQueueUrl")?;
    let subject = subject(context, id).await?;
    let asked = open(context, &subject, area);
    let incident = context.progress.during("reading the incident", asked).await?.ok_or_else(|| {
        Problem::failed("no such incident is open; `secops incidents` lists those that are")
    })?;
    context.confirm(&question(&incident, area)).await?;
    let by = Foreign::new(&context.caller().await?.arn).attribute(CloseRequest::BY_LIMIT);
    let request = CloseRequest {
        schema: CLOSE_SCHEMA.to_owned(),
        subject: subject.clone(),
        area,
        incident_id: Some(incident.id.clone()),
        by: by.clone(),
        reason: reason.to_owned(),
    };
    sqs::send(&context.config, queue, &json!(request).to_string()).await?;
    context.stand(Standing {
        done: vec!["the request to close it was sent".to_owned()],
        left: vec!["dlq-handler reads it within some seconds".to_owned()],
        command: Some(context.call(&["incidents"])),
    });
    let is_closed = closed(context, &subject, area, &incident.id);
    if !context.progress.during("waiting for dlq-handler", is_closed).await? {
        return Err(Problem::failed(
            "the request was sent, but the incident is still open; see `secops incidents`",
        ));
    }
    if context.is_json() {
        context.screen.json(&json!({"closed": incident.id, "by": by, "reason": reason}))?;
    } else {
        context.screen.say(&format!("Incident {} is closed. People are notified.", foreign(&incident.id)));
    }
    Ok(Outcome::Well)
}

/// The incident that is open.
async fn open(context: &Context, subject: &str, area: Area) -> Result<Option<Incident>> {
    let items = context.incidents()?.of(subject).await?;
    let item = items.iter().find(|item| item.area == area.key());
    Ok(item.and_then(about).filter(Incident::is_open))
}

/// Whether the incident is closed within the time.
async fn closed(context: &Context, subject: &str, area: Area, id: &str) -> Result<bool> {
    for _ in 0..POLLS {
        if open(context, subject, area).await?.is_none_or(|open| open.id != id) {
            return Ok(true);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(false)
}

/// A secret's ARN, or the subject as it was given: the name of a function or alarm, or a secret that was deleted.
async fn subject(context: &Context, id: &str) -> Result<String> {
    match context.secrets.describe(id).await {
        Ok(secret) => Ok(secret.arn),
        Err(error) if error.is_about_identity() && !error.is_denied() => Err(error.into()),
        Err(_) => Ok(id.to_owned()),
    }
}

fn question(incident: &Incident, area: Area) -> Question {
    let mut notes = Vec::new();
    if area.is_closed_by_success() {
        notes.push(
            "A success closes such an incident by itself. If the cause is not fixed, it opens again."
                .to_owned(),
        );
    }
    Question {
        title: format!("Close incident {} of {}", foreign(&incident.id), foreign(incident.name())),
        steps: vec![format!(
            "Mark it as closed: {} ({})",
            foreign(&incident.kind),
            foreign(&incident.message)
        )],
        notes,
    }
}
