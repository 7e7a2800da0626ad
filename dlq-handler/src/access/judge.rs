//! Whether a call is allowed by the lists, decided on data.

use contract::{Kind, Tags};
use jiff::{SignedDuration, Timestamp};

use super::{Access, Call, Lists, readers};

/// The deployment of a secret attaches its resource policy within this time after it has created the secret.
const SETTING_UP: SignedDuration = SignedDuration::from_mins(15);

/// What Secrets Manager says about a secret. All empty for a secret that it does not describe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its complete ARN.
    pub arn: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// When it was created.
    pub created: Option<Timestamp>,
}

impl Facts {
    fn account(&self) -> &str {
        self.arn.as_deref().and_then(|arn| arn.split(':').nth(4)).unwrap_or_default()
    }
}

/// The kind of incident and what happened, for people. None if the lists allow the call.
#[must_use]
pub fn judge(access: &Access, facts: &Facts, lists: &Lists) -> Option<(Kind, String)> {
    let kind = match &access.call {
        Call::Read => read(access, facts, lists)?,
        _ if lists.is_administrator(&access.who) => return None,
        _ if access.is_denied => Kind::AccessDenied,
        Call::Protection(kind) => *kind,
        Call::PutPolicy if is_new(access.at, facts) => return None,
        Call::PutPolicy => Kind::ProtectionPolicyChanged,
        Call::OtherKey(key) if is_the_key(key, lists.key.as_deref()) => return None,
        Call::OtherKey(_) | Call::Key => Kind::ProtectionKeyChanged,
        Call::Other => return None,
    };
    let Access { who, operation, from, .. } = access;
    let did = if access.is_denied { "was denied" } else { "called" };
    let what = if kind == Kind::AccessUnknownReader && lists.watch_places() && !from.is_inside(lists) {
        ". This place is not on the list either"
    } else {
        ""
    };
    Some((kind, format!("{} {did} {operation} {}{what}", who.name, from.words())))
}

fn read(access: &Access, facts: &Facts, lists: &Lists) -> Option<Kind> {
    let is_in_tag = || readers(&facts.tags).any(|entry| access.who.is_called(entry, facts.account()));
    // Without a list, nothing is known about readers.
    let is_reader = match &lists.readers {
        Some(patterns) => patterns.iter().any(|pattern| access.who.is(pattern)) || is_in_tag(),
        None => true,
    };
    match (is_reader, access.is_denied) {
        (true, true) => None,
        (false, true) => Some(Kind::AccessDenied),
        (false, false) => Some(Kind::AccessUnknownReader),
        (true, false) => {
            let is_outside = lists.watch_places() && !access.from.is_inside(lists);
            is_outside.then_some(Kind::AccessFromOutside)
        }
    }
}

fn is_new(at: Timestamp, facts: &Facts) -> bool {
    facts.created.is_some_and(|created| at.duration_since(created) <= SETTING_UP)
}

/// Whether `named` (an ARN, an id or an alias) is the key of the suite's secrets.
fn is_the_key(named: &str, key: Option<&str>) -> bool {
    match key {
        Some(arn) => arn == named || arn.rsplit('/').next() == Some(named),
        None => named == "alias/aws/secretsmanager" || named.ends_with(":alias/aws/secretsmanager"),
    }
}

#[cfg(test)]
mod tests;
