//! Who has read a secret, or changed what protects it: calls that CloudTrail reports, compared with declared lists.
//!
//! The lists are declared, never learned: parameters of the stack for all secrets, and a tag of the secret for the
//! application that it belongs to. The rules in `infra/template.yaml` do not match the calls of the principals in the
//! parameters. The handler compares again, because a pattern cannot express everything.

mod judge;
mod list;
mod network;
mod principal;

pub use judge::{Facts, judge};
pub use list::{Lists, Pattern};
pub use network::{Network, Origin};
pub use principal::Principal;

use contract::{Area, Kind, Tags};
use jiff::Timestamp;

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::Sender;
use crate::message::{Detail, Failure};

/// One call, as CloudTrail reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// CloudTrail's id of the call. Two rules may match the same call.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// The name of the operation, such as `GetSecretValue`.
    pub operation: String,
    /// What it does.
    pub call: Call,
    /// The secrets as the call names them, or the key.
    pub targets: Vec<String>,
    /// Who made it.
    pub who: Principal,
    /// Where it came from.
    pub from: Origin,
    /// Whether AWS denied it.
    pub is_denied: bool,
}

/// What a call does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// It reads the value.
    Read,
    /// It changes what protects the secret.
    Protection(Kind),
    /// It attaches a resource policy. That protects a new secret.
    PutPolicy,
    /// It encrypts the secret with this key.
    OtherKey(String),
    /// It changes the KMS key itself.
    Key,
    /// It changes the secret in another way, and counts only if AWS denied it.
    Other,
}

impl DlqHandler {
    /// Reports the call if the lists do not allow it: one incident for each secret.
    ///
    /// # Errors
    /// The last failure. The other secrets were judged nevertheless.
    pub(crate) async fn report_access(&self, access: &Access, sender: &Sender) -> Result<(), HandlerError> {
        let mut outcome = Ok(());
        for target in &access.targets {
            outcome = self.report_access_to(access, target, sender).await.and(outcome);
        }
        outcome
    }

    async fn report_access_to(
        &self,
        access: &Access,
        target: &str,
        sender: &Sender,
    ) -> Result<(), HandlerError> {
        let facts = if access.call == Call::Key {
            Facts::default()
        } else if self.is_own(target) {
            // A secret that cannot be described has no tag that allows anything. The deletion of a secret is reported, too.
            let described = self.secrets.describe_for_access(target).await;
            let described =
                described.map_err(|source| HandlerError::Readers { subject: target.to_owned(), source })?;
            described.unwrap_or_default()
        } else {
            return Ok(());
        };
        let Some(verdict) = judge(access, &facts, &self.config.lists) else {
            tracing::info!(
                secret.arn = target,
                operation = access.operation,
                principal = access.who.name,
                "allowed"
            );
            return Ok(());
        };
        let subject = facts.arn.unwrap_or_else(|| target.to_owned());
        self.fail(&failure(access, subject, verdict), sender).await
    }
}

fn failure(access: &Access, subject: String, (kind, message): (Kind, String)) -> Failure {
    let detail = Detail {
        message,
        who: Some(access.who.name.clone()),
        request_id: Some(access.id.clone()),
        ..Detail::default()
    };
    Failure {
        id: access.id.clone(),
        area: Area::Access,
        subject,
        kind,
        occurred_at: access.at,
        detail,
        delivery: None,
        waited: false,
    }
}

/// The names in the tag of a secret that lists its readers.
fn readers(tags: &Tags) -> impl Iterator<Item = &str> {
    tags.get(Tags::READERS).unwrap_or_default().split_ascii_whitespace()
}
