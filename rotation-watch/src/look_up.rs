//! Asks for the ages of values: several secrets at the same time, at a limited rate, and until a given time.

use std::pin::pin;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use lambda_boundary::AwsError;
use tokio::time::{Instant, sleep_until};

use crate::Watch;
use crate::ages::{Ages, memory_of};
use crate::answers::{Answers, Dated, Looked};
use crate::telling::Seen;

/// How many secrets are looked up at the same time. At the store's rate, these suffice for calls of a third of a second.
const AT_ONCE: usize = 16;

/// Looks up the ages of the secrets in `seen` that need a call, and gives up at `until`. Each answer is stored at once, so
/// the next run asks only for the rest, even if this run is killed.
pub async fn look_up(watch: &Watch, seen: Vec<Seen>, until: Instant, now: Timestamp) -> Looked {
    let answers = ask_all(watch, &seen, until, now).await;
    answers.conclude(seen)
}

async fn ask_all(watch: &Watch, seen: &[Seen], until: Instant, now: Timestamp) -> Answers {
    let mut answers = Answers::default();
    let open = seen.iter().enumerate().filter(|(_, seen)| seen.ages == Ages::Unanswered);
    let asking =
        stream::iter(open).map(|(place, seen)| async move { (place, seen, ask(watch, seen, now).await) });
    // Calls that are not answered at `until` are dropped.
    let mut arriving = pin!(asking.buffer_unordered(AT_ONCE).take_until(sleep_until(until)));
    while !answers.are_missing()
        && let Some((place, seen, answer)) = arriving.next().await
    {
        let secret = &seen.secret;
        if let Err(error) = &answer {
            tracing::warn!(secret.arn, "the age of its versions is unknown: {error}");
        }
        answers.take(place, &secret.arn, answer);
    }
    answers
}

async fn ask(watch: &Watch, seen: &Seen, now: Timestamp) -> Result<Dated, AwsError> {
    let versions = watch.secrets.date_versions(&seen.secret).await?;
    let memory = memory_of(seen, versions.current.clone());
    let stored = if memory == seen.memory { Ok(()) } else { watch.memory.write(&memory, now).await };
    Ok(Dated { versions, memory, stored })
}
