//! Whether a version of the secret logs in as a user without a mark, so that the user belongs to the secret.

use contract::{Login, SecretValue};

use super::facts::{Account, Facts};
use crate::Rotation;
use crate::broker_access::BrokerAccess;
use crate::secret_store::Version;

/// The number of the newest versions that are read. Half of them are for the other user.
const READ: usize = 20;
/// The number of versions that are tried.
const TRIED: usize = 10;

/// Tries older versions for each user that has no mark and is not proved by a labelled version.
pub async fn prove(
    rotation: &Rotation,
    access: &BrokerAccess<'_>,
    secret: &str,
    current: &Version,
    facts: &mut Facts,
) {
    let accepted: Vec<String> = facts
        .versions
        .iter()
        .filter(|version| version.login == Login::Accepted)
        .filter_map(|version| version.user.clone())
        .collect();
    let tried: Vec<String> = facts.versions.iter().map(|version| version.id.clone()).collect();
    let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
    for user in &mut facts.users {
        let needs_proof = match &user.account {
            Account::Exists(grants) => {
                !facts.mark.is_in(&grants.tags) && facts.mark.foreign_in(&grants.tags).is_none()
            }
            Account::Unknown | Account::Missing => false,
        };
        if accepted.contains(&user.name) {
            user.has_proof = Some(true);
        } else if needs_proof {
            let name = (user.name.as_str(), tried.as_slice());
            user.has_proof = an_older_version_logs_in(rotation, access, secret, &current.value, name).await;
        }
    }
}

/// Tries the newest versions for `user`, apart from those in `tried`. None if that could not be found out. It asks once:
/// a rotation that needs the proof asks for longer.
async fn an_older_version_logs_in(
    rotation: &Rotation,
    access: &BrokerAccess<'_>,
    secret: &str,
    current: &SecretValue,
    (user, tried): (&str, &[&str]),
) -> Option<bool> {
    let newest = rotation.secrets.newest_versions(secret, READ).await.ok()?;
    let (mut tries, mut is_known) = (0, true);
    for id in newest.iter().filter(|id| !tried.contains(&id.as_str())) {
        let Ok(version) = rotation.secrets.version(secret, id).await else {
            is_known = false;
            continue;
        };
        // As in a rotation: an old password goes only to a broker that the admin secret, or the version itself, names.
        let may_be_sent = |value: &SecretValue| !access.is_own_admin() || value.broker() == current.broker();
        let Some(version) =
            version.filter(|found| found.value.username() == user && may_be_sent(&found.value))
        else {
            continue;
        };
        match access.as_user(&version.value).login_is_accepted().await {
            Ok(true) => return Some(true),
            Ok(false) => {}
            Err(_) => return None,
        }
        tries += 1;
        if tries == TRIED {
            break;
        }
    }
    is_known.then_some(false)
}
