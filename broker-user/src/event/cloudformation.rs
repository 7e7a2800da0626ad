//! CloudFormation's request for a custom resource.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html>

use super::{Id, Request, Work};
use crate::decide::Purpose;
use crate::properties::{EventError, Fields, Identity, NO_BROKER, Wanted};
use crate::response::ResponseUrl;

/// The properties of a custom resource that are for CloudFormation itself.
const OF_CLOUDFORMATION: [&str; 2] = ["ServiceToken", "ServiceTimeout"];
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
        && wanted.identity.physical_id() == physical_id
        && old_secret(event).as_ref() == Some(&wanted.identity.secret);
    let purpose = if is_same { Purpose::Update } else { Purpose::Create };
    // CloudFormation itself sends the Delete of a user that is replaced, because the answer has another physical id.
    Ok(Work::Ensure { wanted, purpose, replaced: None })
}

/// A deletion never fails because of its properties: a user whose properties cannot be read was never created.
fn deletion(properties: Result<Fields<'_>, EventError>, physical_id: &str) -> Work {
    if physical_id.starts_with(&format!("{NO_BROKER}/")) {
        return Work::Nothing { why: "its Create failed" };
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
