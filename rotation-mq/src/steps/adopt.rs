//! `adopt`: gives a user of the pair to the secret, because SecOps requests it.

use contract::{SecretValue, Strategy, Tags};
use rand::rngs::ThreadRng;
use serde::Serialize;

use crate::Rotation;
use crate::broker_access::BrokerAccess;
use crate::error::RotationError;
use crate::event::AdoptEvent;
use crate::grants::{ADMINISTRATOR_TAG, Grants, PROTECTED_TAG};
use crate::ownership::Mark;
use crate::secret_store::StoreError;
use crate::subject::Subject;
use crate::{pair::Pair, password, stale_connections};

/// What was adopted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Adopted {
    /// The broker user.
    pub user: String,
    /// Marks of other secrets that it had.
    pub was_marked_for: Vec<String>,
    /// Who is connected as that user. Their connections stay open.
    pub connected: Vec<String>,
    /// Whether it belonged to this secret already, so that nothing was changed.
    pub was_own: bool,
    /// Who asked, as they say.
    pub by: String,
    /// Why, as they say.
    pub reason: String,
}

/// Gives the pair's other user a random password that nobody knows and the secret's mark, in one request. AWSCURRENT's
/// user may have another secret's mark, too, for example if the secret was created again with its name. That user keeps
/// its password, so nobody loses a login.
///
/// Safe to repeat: a user that has the mark is not changed, because a rotation may have set its password meanwhile. A
/// pending version for that user does no harm: its setSecret sets the pending password.
///
/// # Errors
/// `adopt.refused` with the reason. Nothing was changed then.
pub async fn adopt(
    rotation: &Rotation,
    event: &AdoptEvent,
    subject: &Subject,
) -> Result<Adopted, RotationError> {
    let (secret, user) = (&event.secret_id, event.user.as_str());
    let _ = subject.user.set(user.to_owned());
    let failed_to_read =
        |source: StoreError| RotationError::Secret { what: "read", secret: secret.clone(), source };
    let (description, current) =
        tokio::join!(rotation.secrets.describe(secret), rotation.secrets.current_login(secret));
    let (description, current) =
        (description.map_err(failed_to_read)?, current.map_err(failed_to_read)?.value);
    let _ = subject.broker.set(current.broker().to_string());
    let refused = |reason: String| RotationError::AdoptRefused { user: user.to_owned(), reason };
    let pair = Pair::of_secret(description.tags.get(Tags::USER), current.username(), None)
        .map_err(|source| RotationError::PairTaken { secret: secret.clone(), source })?;
    check_name(user, &current, &pair).map_err(&refused)?;
    let access = BrokerAccess::open(rotation.lookup(), &description.arn, &current).await?;
    access.refuse_to_reset_the_admin(&current, user)?;
    let admin = access.as_admin(&current);
    let (grants, connections) = tokio::join!(admin.grants(user), admin.connections(user));
    let grants = grants.map_err(RotationError::broker("read the grants of", user))?;
    let connections = connections.map_err(stale_connections::asking(user))?;
    let grants = grants.ok_or_else(|| {
        refused(
            "it does not exist on the broker, so there is nothing to adopt: the next rotation creates it"
                .to_owned(),
        )
    })?;
    let is_admin_secret = rotation.config.prefixes.other_than_admin(&description.arn).is_none();
    check_tags(&grants, is_admin_secret).map_err(&refused)?;
    let connected = stale_connections::names(admin, &connections).await;
    let mark = Mark::of(&description.arn);
    let was_own = mark.is_in(&grants.tags) && mark.foreign_in(&grants.tags).is_none();
    let is_foreign = |tag: &&String| Mark::is_mark(tag) && **tag != mark.to_string();
    let was_marked_for: Vec<String> = grants.tags.iter().filter(is_foreign).cloned().collect();
    if !was_own {
        let random = &mut ThreadRng::default();
        let hash = if user == current.username() {
            let login = access.as_user(&current).login_is_accepted().await;
            let logs_in = login.map_err(RotationError::broker("check the login of", user))?;
            check_current(logs_in, &was_marked_for).map_err(&refused)?;
            password::hash(current.password(), random)
        } else {
            password::hash(&password::generate(64, random), random)
        };
        admin
            .put_user(user, &grants.tags, &mark, &hash)
            .await
            .map_err(RotationError::broker("adopt the", user))?;
    }
    tracing::warn!(
        secret.arn = description.arn,
        broker.user = user,
        incident.by = event.by,
        incident.reason = event.reason,
        "user `{user}` is adopted; it {}; connected: {}",
        match (was_own, was_marked_for.as_slice()) {
            (true, _) => "belonged to this secret already".to_owned(),
            (false, []) => "belonged to no secret".to_owned(),
            (false, marks) => format!("belonged to {}", marks.join(", ")),
        },
        if connected.is_empty() { "nobody".to_owned() } else { connected.join(", ") }
    );
    Ok(Adopted {
        user: user.to_owned(),
        was_marked_for,
        connected,
        was_own,
        by: event.by.clone(),
        reason: event.reason.clone(),
    })
}

/// Only a user that the secret rotates can be adopted.
fn check_name(user: &str, current: &SecretValue, pair: &Pair) -> Result<(), String> {
    let active = current.username();
    if user == active {
        return Ok(());
    }
    if current.strategy() == Strategy::Single {
        return Err(format!("the secret rotates one user only (`single`), which is `{active}`"));
    }
    if pair.has(user) {
        return Ok(());
    }
    Err(format!("it is not of this secret's pair; the one that may be adopted is `{}`", pair.other(active)))
}

/// Whether AWSCURRENT's user can be adopted: it must belong to the secret, apart from the mark.
fn check_current(logs_in: bool, marks: &[String]) -> Result<(), String> {
    if marks.is_empty() {
        Err("it is the user of AWSCURRENT and has no other secret's mark, so there is nothing to adopt"
            .to_owned())
    } else if logs_in {
        Ok(())
    } else {
        Err("it is the user of AWSCURRENT, but the broker refuses its login, so nothing shows that it belongs to this \
             secret; store its working password in the secret first"
            .to_owned())
    }
}

/// Whether the user may lose its password.
fn check_tags(grants: &Grants, is_admin_secret: bool) -> Result<(), String> {
    if grants.tags.contains(PROTECTED_TAG) {
        Err("it has the tag `protected`: the broker's service uses it".to_owned())
    } else if grants.tags.contains(ADMINISTRATOR_TAG) && !is_admin_secret {
        Err("it is an administrator, and the secret is not an admin secret".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(user: &str, strategy: &str) -> Result<SecretValue, contract::SecretValueError> {
        SecretValue::parse(
            &serde_json::json!({
                "engine": "rabbitmq", "username": user, "password": "x", "host": "b-1.example", "rotationStrategy": strategy,
                "masterarn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:admin/a-AbCdEf",
            })
            .to_string(),
        )
    }

    #[test]
    fn only_a_user_that_the_secret_rotates_is_adopted() -> Result<(), contract::SecretValueError> {
        let pair = Pair::of("payment");
        for (user, current, strategy, expected) in [
            ("payment_clone", "payment", "alternating", None),
            ("payment", "payment_clone", "alternating", None),
            ("payment", "payment", "alternating", None),
            ("payment", "payment", "single", None),
            ("payment_clone", "payment", "single", Some("`payment`")),
            ("billing", "payment_clone", "alternating", Some("`payment`")),
            ("payment_clone_clone", "payment", "alternating", Some("not of this secret's pair")),
        ] {
            let found = check_name(user, &value(current, strategy)?, &pair).err();
            assert_eq!(found.is_some(), expected.is_some(), "{user} {current} {found:?}");
            assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{user} {current}");
        }
        Ok(())
    }

    #[test]
    fn the_current_user_is_adopted_when_it_carries_another_mark_and_logs_in() {
        let marks = ["secret-0123456789abcdef".to_owned()];
        for (logs_in, marks, expected) in
            [(true, &marks[..], true), (false, &marks[..], false), (true, &[], false)]
        {
            assert_eq!(check_current(logs_in, marks).is_ok(), expected, "{logs_in} {marks:?}");
        }
    }

    #[test]
    fn an_administrator_is_adopted_by_an_admin_secret_only_and_a_protected_user_by_none() {
        for (tag, is_admin_secret, expected) in [
            ("monitoring", false, true),
            ("administrator", false, false),
            ("administrator", true, true),
            ("protected", true, false),
        ] {
            let grants = Grants { tags: [tag.to_owned()].into(), ..Grants::default() };
            assert_eq!(check_tags(&grants, is_admin_secret).is_ok(), expected, "{tag}");
        }
    }
}
