//! Waits for the clients that are still connected as the user whose turn is over.

use std::time::Duration;

use contract::{InspectedConnection, Inspection, Strategy};
use tokio::time::Instant;

use super::Journal;
use crate::context::Context;
use crate::inspector;
use crate::outcome::Result;
use crate::screen::text::foreign;
use crate::screen::time;

const POLL: Duration = Duration::from_secs(5);
/// kubelet writes a changed Secret into a volume within about two minutes.
const LIMIT: Duration = Duration::from_secs(150);
/// The time between two looks if the clients cannot be seen. A look includes a login with each version.
const UNSEEN_POLL: Duration = Duration::from_secs(15);

/// What happens if the clients cannot be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// Nobody waits for them.
    Skip,
    /// They get the whole time, because they are cut off after it.
    Await,
}

/// What became of the clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clients {
    /// Nobody is connected as the former user.
    Moved,
    /// These still are. Some of them may be the attacker's.
    Still(Vec<InspectedConnection>, u64),
    /// It cannot be seen, for this reason.
    Unknown(String),
}

/// Waits until nobody is connected as the former user, for two minutes and a half at most.
pub async fn clients(context: &Context, arn: &str, journal: &Journal<'_>, unseen: Unseen) -> Result<Clients> {
    if !inspector::is_available(context) {
        let words = "unknown: this stack has no function inspect";
        if unseen == Unseen::Await {
            let what = "waiting for the clients, which cannot be seen";
            context.progress.during(what, tokio::time::sleep(LIMIT)).await;
        }
        journal.note("clients", words);
        return Ok(Clients::Unknown(words.to_owned()));
    }
    let began = Instant::now();
    loop {
        let asked = inspector::look(context, arn);
        let found = context.progress.during("looking for clients of the former user", asked).await;
        let seen = match found {
            Ok(found) => of(&found),
            // Nobody has to see the clients to be allowed to cut off a leaked login, but they get their time.
            Err(error) => Clients::Unknown(foreign(&format!("{error:#}"))),
        };
        let is_over = began.elapsed() > LIMIT;
        match &seen {
            Clients::Moved => journal.note("clients", "nobody is connected as the former user"),
            Clients::Unknown(why) if unseen == Unseen::Await && !is_over => {
                let rest = LIMIT.saturating_sub(began.elapsed());
                let words = format!("the clients cannot be seen ({why}); waiting {}", time::seconds(rest));
                context.progress.show(&words, began.elapsed());
                tokio::time::sleep(UNSEEN_POLL).await;
                continue;
            }
            Clients::Unknown(why) => journal.note("clients", format!("cannot be seen: {why}")),
            Clients::Still(listed, total) if is_over => {
                let who: Vec<String> = listed.iter().take(5).map(|one| foreign(&one.peer)).collect();
                let words = format!("{total} still connected as the former user, from {}", who.join(", "));
                journal.note("clients", words);
            }
            Clients::Still(listed, total) => {
                let first =
                    listed.first().map(|one| format!(", from {}", foreign(&one.peer))).unwrap_or_default();
                let left = time::seconds(LIMIT.saturating_sub(began.elapsed()));
                let words =
                    format!("{total} still connected as the former user{first}; waiting up to {left}");
                context.progress.show(&words, began.elapsed());
                tokio::time::sleep(POLL).await;
                continue;
            }
        }
        return Ok(seen);
    }
}

/// With one user, the connections from before its new password cannot be told from those after it.
fn of(found: &Inspection) -> Clients {
    if found.strategy == Some(Strategy::Single) {
        return Clients::Unknown("with one user, old connections look like new ones".to_owned());
    }
    let former = found.users.iter().filter(|user| !user.in_turn);
    let counts: Option<Vec<u64>> = former.map(|user| user.connections).collect();
    let listed: Vec<_> = found.connections.iter().filter(|one| one.stale).cloned().collect();
    match counts.map(|counts| counts.iter().sum::<u64>()) {
        None => Clients::Unknown("the broker did not list the connections".to_owned()),
        Some(0) if listed.is_empty() => Clients::Moved,
        Some(total) => {
            let total = total.max(listed.len() as u64);
            Clients::Still(listed, total)
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::{INSPECTION_SCHEMA, InspectedUser, Owner};

    use super::*;

    fn inspection(strategy: Strategy, connections: Option<u64>) -> Inspection {
        let user = |name: &str, in_turn, connections| InspectedUser {
            name: name.to_owned(),
            exists: Some(true),
            in_turn,
            owner: Owner::ThisSecret,
            tags: Vec::new(),
            connections,
            connection_limit: None,
        };
        Inspection {
            schema: INSPECTION_SCHEMA.to_owned(),
            secret_arn: "arn".to_owned(),
            name: "a".to_owned(),
            inspected_at: String::new(),
            strategy: Some(strategy),
            rotation_enabled: true,
            next_rotation: None,
            versions: Vec::new(),
            users: vec![user("payment_clone", true, Some(7)), user("payment", false, connections)],
            broker: None,
            connections: Vec::new(),
            connections_total: None,
            differences: Vec::new(),
            delivery: None,
            findings: Vec::new(),
        }
    }

    #[test]
    fn only_connections_of_the_former_user_are_waited_for() {
        let alternating = |count| of(&inspection(Strategy::Alternating, count));
        assert_eq!(alternating(Some(0)), Clients::Moved);
        assert_eq!(alternating(Some(2)), Clients::Still(Vec::new(), 2));
        assert!(matches!(alternating(None), Clients::Unknown(_)));
        assert!(matches!(of(&inspection(Strategy::Single, Some(2))), Clients::Unknown(_)));
    }
}
