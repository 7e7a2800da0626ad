//! One secret in the table, and what needs a person, decided on data.

use contract::{Kind, Login, LoginCheck, Severity, Tags};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::incidents::Incident;
use crate::screen::text::foreign;
use crate::secret::Secret;

/// A rotation is late after this time. Secrets Manager tries again for hours.
const LATE: SignedDuration = SignedDuration::from_hours(24);

/// One secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its ARN.
    pub arn: String,
    /// Its name. Foreign text.
    pub name: String,
    /// The user in turn, or the first user of the pair if nobody was asked. Foreign text.
    pub user: Option<String>,
    /// Whether the user in turn logs in.
    pub login: Option<Login>,
    /// The version that is AWSCURRENT.
    pub current: Option<String>,
    /// When a rotation succeeded last.
    pub rotated_at: Option<Timestamp>,
    /// When the next rotation begins at the latest.
    pub next_rotation: Option<Timestamp>,
    /// Whether it rotates by itself.
    pub rotates: bool,
    /// What the labels say.
    pub stages: String,
    /// The versions with their labels.
    pub versions: Vec<(String, Vec<String>)>,
    /// Whether the cluster has what is current. None if it goes to no cluster.
    pub delivered: Option<bool>,
    /// Who is responsible. Foreign text.
    pub owner: Option<String>,
    /// What needs a person, the worst first.
    pub needs: Vec<Need>,
}

/// One thing that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// How bad it is.
    pub severity: Severity,
    /// The kind, which `secops explain` knows. Foreign text, if a newer version wrote it.
    pub kind: String,
    /// The area, if it is an open incident.
    pub incident: Option<String>,
}

impl Need {
    fn of(kind: Kind) -> Self {
        Self { severity: kind.severity(), kind: kind.as_str().to_owned(), incident: None }
    }

    /// For a table.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.incident {
            Some(area) => format!("{} (incident, {})", foreign(&self.kind), foreign(area)),
            None => foreign(&self.kind),
        }
    }
}

impl Row {
    /// The row of a secret. `open` are all open incidents, `function` is the rotation function of the stack.
    #[must_use]
    pub fn of(secret: &Secret, open: &[Incident], function: Option<&str>, now: Timestamp) -> Self {
        let rotates = secret.rotation_enabled
            && (function.is_none() || secret.rotation_function.as_deref() == function);
        let mut row = Self {
            arn: secret.arn.clone(),
            name: secret.name.clone(),
            user: secret.tags.get(Tags::USER).map(str::to_owned),
            login: None,
            current: secret.current().map(str::to_owned),
            rotated_at: secret.last_rotated,
            next_rotation: secret.next_rotation.filter(|_| secret.rotation_enabled),
            rotates,
            stages: stages(secret).to_owned(),
            versions: secret.versions.iter().map(|one| (one.id.clone(), one.stages.clone())).collect(),
            delivered: secret.is_delivered().filter(|_| rotates),
            owner: secret.owner().map(str::to_owned),
            needs: needs(secret, open, rotates, now),
        };
        row.sort();
        row
    }

    /// Takes what `inspect` says about the current version.
    pub fn learn(&mut self, check: Option<LoginCheck>) {
        let Some(check) = check else { return };
        self.user = check.user.or_else(|| self.user.take());
        self.login = Some(check.login);
        let kind = Kind::CurrentLoginRefused;
        let is_known = self.needs.iter().any(|need| need.kind == kind.as_str());
        if check.login == Login::Refused && !is_known {
            self.needs.push(Need::of(kind));
            self.sort();
        }
    }

    /// Whether something needs a person.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        !self.needs.is_empty()
    }

    /// The worst first, then those with more needs, then by name.
    #[must_use]
    pub fn order(&self) -> (u8, std::cmp::Reverse<usize>, &str) {
        let worst = self.needs.first().map_or(u8::MAX, |need| rank(need.severity));
        (worst, std::cmp::Reverse(self.needs.len()), &self.name)
    }

    fn sort(&mut self) {
        self.needs.sort_by_key(|need| rank(need.severity));
    }
}

fn rank(severity: Severity) -> u8 {
    crate::incidents::rank(Some(severity))
}

fn stages(secret: &Secret) -> &'static str {
    match (secret.deleted_at, secret.current(), secret.pending(), secret.rotation_enabled) {
        (Some(_), ..) => "deleted",
        (None, None, ..) => "no value",
        (None, Some(_), Some(_), _) => "rotating",
        (None, Some(_), None, true) => "at rest",
        (None, Some(_), None, false) => "by hand",
    }
}

fn needs(secret: &Secret, open: &[Incident], rotates: bool, now: Timestamp) -> Vec<Need> {
    let mut needs: Vec<Need> = open
        .iter()
        .filter(|incident| incident.subject == secret.arn)
        .map(|incident| Need {
            severity: incident.severity.unwrap_or(Severity::Error),
            kind: incident.kind.clone(),
            incident: Some(incident.area.clone()),
        })
        .collect();
    let is_late = secret.next_rotation.is_some_and(|next| now.duration_since(next) > LATE);
    let own = [
        (secret.current().is_none(), Kind::SecretNotFound),
        (rotates && is_late, Kind::SecretOverdue),
        (rotates && secret.last_rotated.is_none() && is_old(secret, now), Kind::RotationNeverSucceeded),
        (
            rotates && secret.is_delivered() == Some(false) && is_settled(secret, now),
            Kind::DeliveryUndelivered,
        ),
    ];
    for kind in own.into_iter().filter_map(|(holds, kind)| holds.then_some(kind)) {
        if !needs.iter().any(|need| need.kind == kind.as_str()) {
            needs.push(Need::of(kind));
        }
    }
    needs
}

fn is_old(secret: &Secret, now: Timestamp) -> bool {
    secret.created_at.is_some_and(|at| now.duration_since(at) > LATE)
}

/// A delivery takes some minutes at most.
fn is_settled(secret: &Secret, now: Timestamp) -> bool {
    let ten = SignedDuration::from_mins(10);
    secret.pending().is_none() && secret.last_rotated.is_some_and(|at| now.duration_since(at) > ten)
}

#[cfg(test)]
mod tests;
