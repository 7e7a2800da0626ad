//! CloudFormation's request for a custom resource.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html>
//!
//! The function keeps no state. The physical id alone says what a Delete may remove, and a rollback sends one, too
//! (`testbed/aws/CONTRACT.md`, rows K2 and K5 to K8, has the sequences):
//!
//! | physical id | who answered it | a Delete removes |
//! |---|---|---|
//! | `BROKER/USERNAME` | a Create, or an Update with another user, that found neither user of the pair | both users |
//! | `existing:BROKER/USERNAME` | the same, but one of the users existed | nothing |
//! | `none/REQUESTID` | a Create that failed | nothing |
//! | `unfinished-REQUESTID` | a Create that failed and may have left the user that it created | as the next |
//! | any other | CloudFormation: the Create was cancelled, or got no answer | both users of a new secret, if they have no connections |
//!
//! An Update of the same user answers the id that it got. So does an Update that failed.
//!
//! The rollback of a replacement is an Update from the new id to the old properties. It answers `existing:`, because the old
//! users exist, and then the new id gets its Delete.

use super::{Id, Request, Work};
use crate::decide::Purpose;
use crate::properties::{EventError, Fields, Identity, NO_BROKER, Wanted};
use crate::response::ResponseUrl;

/// The properties of a custom resource that are for CloudFormation itself.
const OF_CLOUDFORMATION: [&str; 2] = ["ServiceToken", "ServiceTimeout"];
/// A physical id with this prefix stands for users that existed before. An application may use them, so a Delete keeps them,
/// whether it comes from a rollback or later. No name of a broker contains a colon.
const EXISTING: &str = "existing:";
/// *"The value must be a non-empty string and can be up to 1 KB in length."*
const ID_LIMIT: usize = 1_024;

/// What an answer copies from its request, and where it goes.
#[derive(Debug)]
pub struct Envelope {
    /// The presigned URL. Whoever has it can answer.
    pub url: ResponseUrl,
    /// The stack.
    pub stack_id: String,
    /// The request.
    pub request_id: String,
    /// The resource in the template.
    pub logical_id: String,
    /// The id that the resource has. A Create has none.
    pub physical_id: Option<String>,
}

impl Envelope {
    /// The physical id of a request that succeeded for the user `id` (`BROKER/USERNAME`). `existed` says whether it or the
    /// other user of its pair existed before the request.
    #[must_use]
    pub fn id_of_a_success(&self, id: &str, existed: bool) -> String {
        match &self.physical_id {
            // Another id would be a replacement, and CloudFormation would send a Delete with this one.
            Some(held) if user_in(held) == id => held.clone(),
            _ if existed => format!("{EXISTING}{id}"),
            _ => id.to_owned(),
        }
    }

    /// The physical id of a request that failed. CloudFormation answers a failed Create with a Delete of this id, which must
    /// do nothing: the user may have belonged to somebody else. A failed Update keeps the id that the resource has.
    ///
    /// If a Create could not delete the user that it had created (`is_left`), the Delete tries again, as after a Create
    /// without an answer.
    #[must_use]
    pub fn id_of_a_failure(&self, is_left: bool) -> String {
        match &self.physical_id {
            Some(id) => id.clone(),
            None if is_left => format!("unfinished-{}", self.request_id.replace('/', "-")),
            None => format!("{NO_BROKER}/{}", self.request_id),
        }
    }
}

pub(super) fn parse(event: &Fields<'_>, response_host: Option<&str>) -> Result<Request, EventError> {
    let text = |name, limit| event.text(name, 1..=limit).map(str::to_owned);
    let url = ResponseUrl::parse(event.text("ResponseURL", 1..=8_192)?, response_host);
    let (action, needs_id) = match event.text("RequestType", 1..=16)? {
        "Create" => ("createUser", false),
        "Update" => ("updateUser", true),
        "Delete" => ("deleteUser", true),
        _ => return Err(event.wrong("RequestType", "`Create`, `Update` or `Delete`")),
    };
    let envelope = Envelope {
        url: url.ok_or_else(|| event.wrong("ResponseURL", "an https URL of Amazon S3"))?,
        stack_id: text("StackId", 512)?,
        request_id: text("RequestId", 128)?,
        logical_id: text("LogicalResourceId", 255)?,
        physical_id: if needs_id { Some(text("PhysicalResourceId", ID_LIMIT)?) } else { None },
    };
    let work = work(action, event, envelope.physical_id.as_deref().unwrap_or_default());
    Ok(Request { action, envelope: Some(envelope), work })
}

fn work(action: &str, event: &Fields<'_>, physical_id: &str) -> Result<Work, EventError> {
    let missing = || event.wrong("ResourceProperties", "an object");
    let properties = event.object("ResourceProperties").and_then(|found| found.ok_or_else(missing));
    if action == "deleteUser" {
        return Ok(deletion(properties, physical_id));
    }
    let wanted = Wanted::read(&properties?, &OF_CLOUDFORMATION)?;
    let is_same = action == "updateUser"
        && wanted.identity.physical_id() == user_in(physical_id)
        && old_secret(event).as_ref() == Some(&wanted.identity.secret);
    let purpose = if is_same { Purpose::Update } else { Purpose::Create };
    // CloudFormation itself sends the Delete of a user that is replaced, because the answer has another physical id.
    Ok(Work::Ensure { wanted, purpose, replaced: None })
}

/// The user in a physical id, as `BROKER/USERNAME`.
fn user_in(physical_id: &str) -> &str {
    physical_id.strip_prefix(EXISTING).unwrap_or(physical_id)
}

/// A deletion never fails because of its properties: a user whose properties cannot be read was never created.
fn deletion(properties: Result<Fields<'_>, EventError>, physical_id: &str) -> Work {
    if physical_id.starts_with(&format!("{NO_BROKER}/")) {
        return Work::Nothing { why: "its Create failed" };
    }
    if physical_id.starts_with(EXISTING) {
        return Work::Nothing { why: "its users existed before, and an application may use them" };
    }
    match properties.and_then(|properties| Identity::read(&properties)) {
        Ok(identity) if identity.physical_id() == physical_id => Work::Delete { identity, id: Id::Ours },
        // CloudFormation makes up ids from the names of the stack and the resource, and these have no slash.
        Ok(_) if physical_id.contains('/') => Work::Nothing { why: "its id is that of another user" },
        Ok(identity) => Work::Delete { identity, id: Id::MadeUp },
        Err(_) => Work::Nothing { why: "its properties name no user, so none was created" },
    }
}

fn old_secret(event: &Fields<'_>) -> Option<String> {
    let old = event.object("OldResourceProperties").ok()??;
    Identity::read(&old).ok().map(|identity| identity.secret)
}

#[cfg(test)]
mod tests;
