//! `due`: which secrets are due, and when.

use contract::{Kind, Tags};
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::context::Context;
use crate::outcome::{Outcome, Result};
use crate::playbooks::hint;
use crate::screen::table::{Cell, Table};
use crate::screen::text::foreign;
use crate::screen::{Style, time};
use crate::secret::Secret;
use crate::status::secrets;

const AT_ONCE: usize = 8;
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// As the default of the parameter `DueWithinDays`.
const SOON_DAYS: i64 = 7;
/// AWS accepts no longer schedule either.
const LONGEST_AGE_DAYS: i64 = 1_000;

/// One secret under a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Due {
    name: String,
    owner: Option<String>,
    /// Who acts: Secrets Manager, or people.
    by_hand: bool,
    /// When it is too old.
    at: Option<Timestamp>,
    /// What needs a person.
    kind: Option<Kind>,
}

/// Shows the secrets, the most urgent first.
pub async fn due(context: &Context) -> Result<Outcome> {
    let soon =
        context.stack()?.parameter("DueWithinDays").and_then(|days| days.parse().ok()).unwrap_or(SOON_DAYS);
    let now = (context.now)();
    let work = async {
        let secrets = secrets(context).await?;
        let dated = secrets.into_iter().map(async |secret| {
            let made = made_at(context, &secret).await?;
            anyhow::Ok(judge(&secret, made, now, soon))
        });
        let dated = futures_util::stream::iter(dated).buffer_unordered(AT_ONCE);
        dated.try_collect::<Vec<Due>>().await
    };
    let mut found = context.progress.during("reading the secrets and their ages", work).await?;
    found.sort_by(|one, other| (urgency(one), &one.name).cmp(&(urgency(other), &other.name)));
    let needed = found.iter().any(|due| due.kind.is_some());
    if context.is_json() {
        context.screen.json(&found)?;
    } else {
        context.screen.say(&lines(context, &found, now));
    }
    Ok(if needed { Outcome::NeedsPerson } else { Outcome::Well })
}

/// When the current value was made. Only the tag for the maximum age needs it.
async fn made_at(context: &Context, secret: &Secret) -> Result<Option<Timestamp>> {
    if secret.tags.get(Tags::MAX_AGE_DAYS).is_none() {
        return Ok(None);
    }
    let versions = context.secrets.versions(&secret.arn).await;
    match versions {
        Ok(versions) => {
            let current = versions.into_iter().find(|version| Some(version.id.as_str()) == secret.current());
            Ok(current.and_then(|version| version.created_at))
        }
        // A resource policy may deny this one. Others can still be shown.
        Err(error) if error.is_denied() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// As rotation-watch judges: the tag decides, and without one the schedule, with one more day for retries.
fn judge(secret: &Secret, made: Option<Timestamp>, now: Timestamp, soon_days: i64) -> Due {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let later = |at: Timestamp, by: SignedDuration| at.saturating_add(by).unwrap_or(Timestamp::MAX);
    let by_hand = !secret.rotation_enabled;
    let (at, is_unclear) = match secret.tags.get(Tags::MAX_AGE_DAYS).map(|text| text.trim().parse::<i64>()) {
        None => (secret.next_rotation.filter(|_| !by_hand).map(|next| later(next, DAY)), false),
        Some(Ok(limit)) if (1..=LONGEST_AGE_DAYS).contains(&limit) => {
            (made.map(|made| later(made, days(limit))), secret.owner().is_none())
        }
        Some(_) => (None, true),
    };
    let kind = match at {
        Some(at) if at <= now => Some(Kind::SecretOverdue),
        Some(at) if by_hand && at <= later(now, days(soon_days)) => Some(Kind::SecretDue),
        _ => is_unclear.then_some(Kind::SecretOwnerMissing),
    };
    Due { name: secret.name.clone(), owner: secret.owner().map(str::to_owned), by_hand, at, kind }
}

fn urgency(due: &Due) -> (u8, Timestamp) {
    let rank = match due.kind {
        Some(Kind::SecretOverdue) => 0,
        Some(Kind::SecretDue) => 1,
        Some(_) => 2,
        None => 3,
    };
    (rank, due.at.unwrap_or(Timestamp::MAX))
}

fn lines(context: &Context, found: &[Due], now: Timestamp) -> String {
    if found.is_empty() {
        return "No secret is under a policy.".to_owned();
    }
    let mut table = Table::new(&["SECRET", "TOO OLD", "ROTATED BY", "OWNER", "NEEDS A PERSON"]);
    for due in found {
        let style = if due.kind == Some(Kind::SecretOverdue) { Style::Bad } else { Style::Warning };
        table.row(vec![
            foreign(&due.name).into(),
            due.at.map_or_else(|| "?".to_owned(), |at| time::relative(at, now)).into(),
            if due.by_hand { "people" } else { "Secrets Manager" }.into(),
            foreign(due.owner.as_deref().unwrap_or("-")).into(),
            due.kind.map_or_else(|| "".into(), |kind| Cell::new(style, kind.as_str())),
        ]);
    }
    let first =
        found.first().and_then(|due| due.kind).map(|kind| format!("\n\nWhat to do: {}", hint(kind.as_str())));
    format!("{}{}", table.lines(&context.screen), first.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::example::{secret, with_tags};

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + days * 86_400).expect("a time")
    }

    #[test]
    fn a_secret_is_due_by_its_tag_or_by_its_schedule() {
        let owned: [(&str, &str); 2] = [(Tags::MAX_AGE_DAYS, "90"), (Tags::OWNER, "payments")];
        let people = Secret { rotation_enabled: false, ..with_tags("a", &owned) };
        let nobody = Secret { rotation_enabled: false, ..with_tags("a", &owned[..1]) };
        let unclear = with_tags("a", &[(Tags::MAX_AGE_DAYS, "ninety")]);
        for (what, secret, made, now, expected) in [
            ("young", people.clone(), Some(at(0)), 80, None),
            ("soon", people.clone(), Some(at(0)), 83, Some(Kind::SecretDue)),
            ("too old", people.clone(), Some(at(0)), 90, Some(Kind::SecretOverdue)),
            ("nobody may see its age", people, None, 90, None),
            ("no owner", nobody, Some(at(0)), 1, Some(Kind::SecretOwnerMissing)),
            ("not a number", unclear, None, 1, Some(Kind::SecretOwnerMissing)),
            ("on schedule", secret("a"), None, 23, None),
            ("a day after its date", secret("a"), None, 25, Some(Kind::SecretOverdue)),
        ] {
            assert_eq!(judge(&secret, made, at(now), 7).kind, expected, "{what}");
        }
    }
}
