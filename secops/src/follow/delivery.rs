//! Follows the delivery of what is current to the cluster. The receipt, a tag of the secret, ends it.

use std::time::Duration;

use contract::{Area, Tags};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Journal, failed, failure};
use crate::context::Context;
use crate::outcome::{Problem, Result};
use crate::screen::text::{foreign, short_version};

const POLL: Duration = Duration::from_secs(1);
const SELDOM: u32 = 3;
/// A delivery that fails is requested again for longer, but nobody waits for that in front of a terminal.
const LIMIT: Duration = Duration::from_mins(5);

/// Waits until the cluster has what is current. Returns at once if the secret goes to no cluster.
pub async fn delivery(context: &Context, arn: &str, since: Timestamp, journal: &Journal<'_>) -> Result<()> {
    let began = Instant::now();
    let mut told = None;
    for poll in 0.. {
        let secret = context.secrets.describe(arn).await?;
        let namespace = foreign(secret.tags.get(Tags::NAMESPACE).unwrap_or_default());
        match secret.is_delivered() {
            None => {
                journal
                    .note("delivery", "the secret goes to no cluster: its applications read it themselves");
                return Ok(());
            }
            Some(true) => {
                let version = short_version(secret.current().unwrap_or_default());
                journal.note("delivery", format!("namespace {namespace} has version {version}"));
                return Ok(());
            }
            Some(false) => {}
        }
        if poll % SELDOM == 2
            && let Some(incident) = failure(context, arn, Area::Delivery, since).await?
            && told.as_ref() != Some(&incident.kind)
        {
            if !incident.is_transient() {
                return Err(failed("the delivery failed", &incident));
            }
            let words = "failed, and is requested again";
            journal.note("failed", format!("{}: {words}: {}", incident.kind, foreign(&incident.message)));
            told = Some(incident.kind);
        }
        if began.elapsed() > LIMIT {
            let page = told
                .as_deref()
                .map_or("secops explain delivery.undelivered".to_owned(), crate::playbooks::hint);
            let minutes = LIMIT.as_secs() / 60;
            return Err(Problem::failed(format!(
                "namespace {namespace} has no receipt after {minutes} min; see {page}"
            )));
        }
        context.progress.show("the delivery to the cluster", began.elapsed());
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
