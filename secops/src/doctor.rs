//! `doctor`: the whole set-up in one table, each check with how to fix what is wrong.
//!
//! It reads first (`gather`), and decides on what it has read (`judge`). It changes nothing. What the caller may not see is
//! unknown, and never all right.

pub mod check;
pub mod facts;
mod gather;
pub mod judge;
pub mod report;
pub mod rules;
mod show;

pub use gather::Wanted;

use facts::Unseen;
use report::{Report, State};

use crate::context::Context;
use crate::outcome::{Outcome, Result};

/// Checks everything, and shows it. Something needs a person if a row is broken: a warning alone does not.
pub async fn doctor(context: &Context, wanted: Wanted<'_>) -> Result<Outcome> {
    let checked_at = (context.now)().to_string();
    let facts = gather::gather(context, wanted).await?;
    let rows = judge::judge(&facts);
    let no_time = Unseen::NoTime.to_string();
    let complete = rows.iter().all(|row| row.state != State::Unknown || row.seen != no_time);
    let report = Report::new(&context.options.stack, checked_at, complete, rows);
    if context.is_json() {
        context.screen.json(&report)?;
    } else {
        context.screen.say(&show::lines(&report, &context.screen));
    }
    Ok(if report.is_broken() { Outcome::NeedsPerson } else { Outcome::Well })
}
