//! What the facts about a secret mean. Pure.
//!
//! A rotation may be in progress, and clients need a moment to move after one. What is normal then is not a finding.

use contract::{
    Finding, INSPECTION_SCHEMA, InspectedDelivery, Inspection, Kind, Login, Owner, Strategy, Tags, cut,
};
use jiff::Timestamp;

use super::facts::{Account, BrokerSeen, Facts, UserSeen, VersionSeen};
use super::{MESSAGE_LIMIT, finding};
use crate::error::RotationError;
use crate::grants::{Grants, plan};
use crate::ownership::{Mark, Taken};
use crate::version_state::{AWSCURRENT, AWSPENDING};

mod connections;
mod view;

/// A pending version that is younger may belong to a rotation in progress. A current version that is younger may not have
/// reached the cluster and all clients yet.
const SETTLES_MS: i64 = 15 * 60 * 1_000;
/// A certificate that ends within fewer days is a finding.
const CERTIFICATE_DAYS: i64 = 21;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The inspection that these facts make.
pub fn judge(facts: Facts) -> Inspection {
    let differences = differences(&facts);
    let mut findings = findings(&facts, &differences);
    // The worst first. Among equals, the order of the rules stays.
    findings.sort_by_key(|finding| view::rank(finding.severity));
    Inspection {
        schema: INSPECTION_SCHEMA.to_owned(),
        inspected_at: time(facts.now_ms).unwrap_or_default(),
        strategy: facts.strategy,
        rotation_enabled: facts.rotation_enabled,
        next_rotation: facts.next_rotation_ms.and_then(time),
        versions: facts.versions.iter().map(view::version).collect(),
        users: facts.users.iter().map(|user| view::user(&facts.mark, user)).collect(),
        connections_total: connections::total(&facts.users),
        differences: view::differences(differences),
        delivery: delivery(&facts),
        connections: view::connections(facts.connections, &facts.users),
        broker: facts.broker.map(|broker| view::broker(broker, facts.now_ms)),
        secret_arn: facts.secret_arn,
        name: facts.name,
        findings,
    }
}

fn findings(facts: &Facts, differences: &[String]) -> Vec<Finding> {
    let mut all = facts.problems.clone();
    all.extend(logins(facts));
    all.extend(owners(facts));
    if let Some(finding) = grants_differ(facts, differences) {
        all.push(finding);
    }
    all.extend(connections::findings(facts, is_settled(facts)));
    all.extend(facts.broker.as_ref().and_then(|broker| certificate_ends(broker, facts.now_ms)));
    all.extend(undelivered(facts));
    let current_is_refused = all.iter().any(|finding| finding.kind == Kind::CurrentLoginRefused);
    if facts.is_own_admin && current_is_refused {
        // Its own login is the admin's.
        all.retain(|finding| finding.kind != Kind::AdminLoginRefused);
    }
    let mut seen: Vec<(Kind, String)> = Vec::new();
    all.retain(|finding| {
        // A broker that does not answer is one finding, however many questions it did not answer.
        let is_known = seen.iter().any(|(kind, message)| {
            *kind == finding.kind
                && (["broker", "aws"].contains(&kind.group()) || *message == finding.message)
        });
        seen.push((finding.kind, finding.message.clone()));
        !is_known
    });
    all
}

/// What is wrong with the values and logins of AWSCURRENT and AWSPENDING. An older version may be revoked.
fn logins(facts: &Facts) -> Vec<Finding> {
    let mut all = Vec::new();
    let active = facts.users.iter().find(|user| user.in_turn);
    let is_missing = active.is_some_and(|user| user.account == Account::Missing);
    if let Some(user) = active.filter(|_| is_missing) {
        all.push(finding(&RotationError::CurrentUserMissing { user: user.name.clone() }));
    }
    for version in &facts.versions {
        let is_current = version.has(AWSCURRENT);
        if !is_current && !version.has(AWSPENDING) {
            continue;
        }
        all.extend(version.unreadable.clone());
        let is_refused = version.login == Login::Refused;
        let is_explained = if is_current {
            is_refused && (is_missing || is_between_set_and_finish(facts))
        } else {
            is_refused && is_rotating(facts)
        };
        all.extend(version.problem.clone().filter(|_| !is_explained));
    }
    all
}

/// With `single`, AWSCURRENT cannot log in between setSecret and finishSecret.
fn is_between_set_and_finish(facts: &Facts) -> bool {
    let pending_works = pending(facts).is_some_and(|pending| pending.login == Login::Accepted);
    facts.strategy == Some(Strategy::Single) && pending_works && is_rotating(facts)
}

fn pending(facts: &Facts) -> Option<&VersionSeen> {
    facts.versions.iter().find(|version| version.has(AWSPENDING) && !version.has(AWSCURRENT))
}

/// Whether a pending version had no value when it was read. The steps up to testSecret may have changed a password since,
/// and no staging label shows it.
pub fn awaits_a_value(facts: &Facts) -> bool {
    pending(facts).is_some_and(|pending| pending.created_at_ms.is_none())
}

/// Whether a rotation is probably in progress. A pending version without a value waits for createSecret.
fn is_rotating(facts: &Facts) -> bool {
    pending(facts).is_some_and(|pending| {
        pending.created_at_ms.is_none_or(|created| facts.now_ms.saturating_sub(created) < SETTLES_MS)
    })
}

/// Whether AWSCURRENT is so old that everybody should have it.
fn is_settled(facts: &Facts) -> bool {
    let current = facts.versions.iter().find(|version| version.has(AWSCURRENT));
    let created = current.and_then(|current| current.created_at_ms);
    created.is_some_and(|created| facts.now_ms.saturating_sub(created) >= SETTLES_MS)
}

fn owners(facts: &Facts) -> impl Iterator<Item = Finding> {
    let taken = |user: &UserSeen| {
        let name = user.name.clone();
        match owner(&facts.mark, user) {
            Owner::AnotherSecret => {
                let mark = foreign_mark(&facts.mark, user).unwrap_or_default().to_owned();
                Some(Taken::OtherSecret { user: name, mark })
            }
            Owner::Nobody if !user.in_turn => Some(Taken::Unproved { user: name }),
            Owner::Nobody | Owner::ThisSecret | Owner::Unknown => None,
        }
    };
    facts.users.iter().filter_map(taken).map(|source| found(Kind::PairTaken, &source.to_string()))
}

fn foreign_mark<'u>(mark: &Mark, user: &'u UserSeen) -> Option<&'u str> {
    let Account::Exists(grants) = &user.account else { return None };
    mark.foreign_in(&grants.tags)
}

fn owner(mark: &Mark, user: &UserSeen) -> Owner {
    let Account::Exists(grants) = &user.account else { return Owner::Unknown };
    match (mark.foreign_in(&grants.tags), mark.is_in(&grants.tags), user.has_proof) {
        (Some(_), _, _) => Owner::AnotherSecret,
        (None, true, _) | (None, false, Some(true)) => Owner::ThisSecret,
        (None, false, Some(false)) => Owner::Nobody,
        (None, false, None) => Owner::Unknown,
    }
}

/// What setSecret would change for the user whose turn it is.
fn differences(facts: &Facts) -> Vec<String> {
    let [active, next] = facts.users.as_slice() else { return Vec::new() };
    let Account::Exists(active) = &active.account else { return Vec::new() };
    let nothing = Grants::default();
    let (first, present) = match &next.account {
        Account::Unknown => return Vec::new(),
        Account::Missing => (Some(format!("create the user `{}`", next.name)), &nothing),
        Account::Exists(grants) => (None, grants),
    };
    let plan = plan(active, present);
    let changes = plan.descriptions().map(|change| format!("for `{}`: {change}", next.name));
    first.into_iter().chain(changes).collect()
}

/// A user that does not exist yet differs from nobody. During a rotation, setSecret changes the grants one by one.
fn grants_differ(facts: &Facts, differences: &[String]) -> Option<Finding> {
    let next = facts.users.iter().find(|user| !user.in_turn)?;
    let exists = matches!(next.account, Account::Exists(_));
    if differences.is_empty() || !exists || is_rotating(facts) {
        return None;
    }
    let message = format!("the next rotation would change grants: {}", shortened(differences, 5, "; "));
    Some(found(Kind::GrantsDiffer, &message))
}

/// The first `limit` items, and how many more there are.
fn shortened(items: &[String], limit: usize, between: &str) -> String {
    let mut listed: Vec<String> = items.iter().take(limit).cloned().collect();
    if items.len() > limit {
        listed.push(format!("and {} more", items.len() - limit));
    }
    listed.join(between)
}

fn certificate_ends(broker: &BrokerSeen, now_ms: i64) -> Option<Finding> {
    let ends_ms = broker.certificate_ends_ms?;
    let days = days_until(ends_ms, now_ms);
    if days >= CERTIFICATE_DAYS {
        return None;
    }
    let ends = time(ends_ms).unwrap_or_default();
    let message = format!("the certificate of broker `{}` ends on {ends}, in {days} days", broker.name);
    Some(found(Kind::BrokerCertificateEnds, &message))
}

fn days_until(ends_ms: i64, now_ms: i64) -> i64 {
    ends_ms.saturating_sub(now_ms).div_euclid(DAY_MS)
}

fn delivery(facts: &Facts) -> Option<InspectedDelivery> {
    let namespace = facts.tags.get(Tags::NAMESPACE)?.to_owned();
    let current = facts.versions.iter().find(|version| version.has(AWSCURRENT));
    let delivered = facts.tags.delivered();
    let is_current = current.is_some_and(|current| delivered == Some(current.id.as_str()));
    Some(InspectedDelivery { namespace, delivered: delivered.map(str::to_owned), current: is_current })
}

/// A rotation is refused while the cluster is not known to hold AWSCURRENT. Only secrets that rotate have a receipt.
fn undelivered(facts: &Facts) -> Option<Finding> {
    let delivery = delivery(facts).filter(|delivery| !delivery.current)?;
    let is_due = facts.rotation_enabled && is_settled(facts) && !is_rotating(facts);
    let receipt = delivery.delivered.as_deref().unwrap_or("no version");
    let message = format!(
        "the cluster is not known to hold AWSCURRENT: the receipt (tag `{}`) names {receipt}",
        Tags::DELIVERED
    );
    is_due.then(|| found(Kind::DeliveryUndelivered, &message))
}

fn found(kind: Kind, message: &str) -> Finding {
    Finding { kind, severity: kind.severity(), message: cut(message, MESSAGE_LIMIT) }
}

/// A moment as RFC 3339.
fn time(ms: i64) -> Option<String> {
    Timestamp::from_millisecond(ms).ok().map(|moment| moment.to_string())
}

#[cfg(test)]
mod tests;
