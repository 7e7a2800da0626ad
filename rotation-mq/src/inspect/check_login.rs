//! Does one version log in? Asked before a value that somebody has stored by hand is delivered, so the answer is quick.

use std::time::Duration;

use contract::{Kind, LOGIN_CHECK_SCHEMA, Login, LoginCheck};
use tokio::time::{Instant, timeout_at};

use super::{finding, logins};
use crate::Rotation;
use crate::error::{Credentials, RotationError};
use crate::secret_store::{Description, StoreError, Version};
use crate::version_state::{AWSCURRENT, AWSPENDING, AWSPREVIOUS, Refusal};

/// When the login must have an answer: a refused one is asked again for about 5 s.
const LOGIN: Duration = Duration::from_secs(9);
/// When the search for a version that works ends.
const SEARCH: Duration = Duration::from_secs(13);

/// Logs in with one version. Only what the broker itself refuses is refused. Everything else is unknown: a value stored in
/// an emergency must not be held back because something could not be read.
///
/// # Errors
/// When there is no such secret or version, or the function may not describe the secret.
pub async fn check_login(
    rotation: &Rotation,
    secret: &str,
    version: &str,
) -> Result<LoginCheck, RotationError> {
    let started = Instant::now();
    let store = &rotation.secrets;
    let (description, read) = tokio::join!(store.describe(secret), store.version(secret, version));
    let failed = |what, source| RotationError::Secret { what, secret: secret.to_owned(), source };
    let description = description.map_err(|source| failed("describe", source))?;
    let mut check = LoginCheck {
        schema: LOGIN_CHECK_SCHEMA.to_owned(),
        secret_arn: description.arn.clone(),
        version_id: version.to_owned(),
        user: None,
        login: Login::Unknown,
        problem: None,
        working_version_id: None,
    };
    let read = match read {
        Ok(Some(read)) => read,
        Ok(None) => return Err(unknown_version(&description, version)),
        Err(source @ (StoreError::NotFound | StoreError::Deleted)) => {
            return Err(failed("read a version of", source));
        }
        Err(source) => {
            check.problem = Some(finding(&failed("read a version of", source)));
            return Ok(check);
        }
    };
    check.user = Some(read.value.username().to_owned());
    let credentials = credentials(&description, version);
    let login = timeout_at(started + LOGIN, logins::log_in(rotation, &read.value, credentials)).await;
    let login = login.unwrap_or_else(|_| Err(no_answer(&read, credentials)));
    check.login = logins::outcome(&login);
    check.problem = login.err().map(|error| finding(&error));
    if check.login == Login::Refused {
        let search = a_version_that_works(rotation, &description, version);
        check.working_version_id = timeout_at(started + SEARCH, search).await.unwrap_or_default();
    }
    if let Some(problem) = &check.problem
        && matches!(problem.kind, Kind::BrokerUnreachable | Kind::BrokerTlsRefused)
    {
        rotation.amazon_mq.forget(&read.value.broker().to_string());
    }
    tracing::info!(
        secret.arn = check.secret_arn,
        secret.version = version,
        broker.user = check.user,
        "the login of version {version} is {:?}",
        check.login
    );
    Ok(check)
}

/// Whose credentials these are, for the message.
fn credentials(description: &Description, version: &str) -> Credentials {
    let has = |stage| description.versions.with_stage(stage) == Some(version);
    match (has(AWSCURRENT), has(AWSPENDING)) {
        (true, _) => Credentials::Current,
        (false, true) => Credentials::Pending,
        (false, false) => Credentials::Checked,
    }
}

fn unknown_version(description: &Description, version: &str) -> RotationError {
    let secret = description.arn.clone();
    let version = version.to_owned();
    if description.versions.knows(&version) {
        RotationError::PendingMissing { secret, version }
    } else {
        RotationError::Preamble { secret, version, source: Refusal::UnknownVersion }
    }
}

fn no_answer(read: &Version, credentials: Credentials) -> RotationError {
    let source = crate::amqp_login::LoginError::NoAnswer(LOGIN);
    RotationError::login(read.value.username(), credentials)(source)
}

/// The newest version with AWSPREVIOUS or AWSPENDING that logs in, apart from the refused one.
async fn a_version_that_works(
    rotation: &Rotation,
    description: &Description,
    refused: &str,
) -> Option<String> {
    let ids = [AWSPREVIOUS, AWSPENDING].map(|stage| description.versions.with_stage(stage));
    let mut candidates = Vec::new();
    for id in ids.into_iter().flatten().filter(|id| *id != refused) {
        candidates.extend(rotation.secrets.version(&description.arn, id).await.ok().flatten());
    }
    candidates.sort_by_key(|version| std::cmp::Reverse(version.created_at_ms));
    for version in candidates {
        if logins::log_in_once(rotation, &version.value, Credentials::Checked).await.is_ok() {
            return Some(version.id);
        }
    }
    None
}
