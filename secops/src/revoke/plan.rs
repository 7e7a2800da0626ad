//! What comes next in a revocation, decided from what is seen. Pure.

use contract::Login;

use crate::screen::text::short_version;
use crate::secret::Secret;

/// What is seen.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The secret, as Secrets Manager describes it now.
    pub secret: &'a Secret,
    /// The version that leaked.
    pub leaked: &'a str,
    /// Whether nothing is waited for.
    pub force: bool,
    /// Whether the clients had their time to move.
    pub clients_were_waited_for: bool,
    /// Whether the function for incidents has answered that the version is revoked.
    pub is_revoked: bool,
    /// What the broker said to the leaked login after that.
    pub proof: Option<Login>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Start a rotation: the leaked version is AWSCURRENT.
    Rotate,
    /// A rotation runs. Wait for its end.
    AwaitRotation,
    /// Wait until the cluster has what is current.
    AwaitDelivery,
    /// Give the clients time to move.
    AwaitClients,
    /// Cut the leaked version off.
    Revoke,
    /// Try its login.
    Prove,
    /// It is over.
    Done,
    /// It cannot go on, for this reason.
    Stop(String),
}

/// Decides. Each step changes what is seen, so that the same step is not taken twice without need.
#[must_use]
pub fn next(seen: &Seen<'_>) -> Next {
    let Seen { secret, leaked, force, .. } = *seen;
    // It is not revoked then, whatever was answered before.
    if seen.proof == Some(Login::Accepted) {
        let words = "the broker accepts the leaked login; what to do: secops explain revoke.still_works";
        return Next::Stop(words.to_owned());
    }
    if seen.is_revoked {
        return if seen.proof.is_none() { Next::Prove } else { Next::Done };
    }
    if !secret.versions.iter().any(|version| version.id == leaked) {
        return Next::Stop(without_label(secret, leaked));
    }
    if secret.current() == Some(leaked) {
        return if secret.pending().is_some() { Next::AwaitRotation } else { Next::Rotate };
    }
    if secret.pending() == Some(leaked) {
        let words = "is AWSPENDING: a rotation has just made it; see";
        let page = "secops explain stuck-or-stale-pending-version";
        return Next::Stop(format!("version {} {words} {page}", short_version(leaked)));
    }
    // It may be giving the user of the leaked version a new password at this moment.
    if secret.pending().is_some() {
        return Next::AwaitRotation;
    }
    if !force && secret.is_delivered() == Some(false) {
        return Next::AwaitDelivery;
    }
    if !force && !seen.clients_were_waited_for {
        return Next::AwaitClients;
    }
    Next::Revoke
}

/// The password of a version without a label was replaced. Connections that were opened with it may still be open.
fn without_label(secret: &Secret, leaked: &str) -> String {
    let former = secret.previous().map_or_else(String::new, |version| format!(" (now {version})"));
    format!(
        "version {} has no label any more, or never existed: its password was replaced by a later rotation. Connections \
         that were opened with it may still be open, see `secops inspect`. Revoke the version that has its user now: \
         AWSPREVIOUS{former}, or AWSCURRENT",
        short_version(leaked)
    )
}

#[cfg(test)]
mod tests {
    use contract::Tags;

    use super::*;
    use crate::secret::example::{CURRENT, PENDING, PREVIOUS, rotating, secret, with_tags};

    fn seen<'a>(secret: &'a Secret, leaked: &'a str) -> Seen<'a> {
        Seen { secret, leaked, force: false, clients_were_waited_for: false, is_revoked: false, proof: None }
    }

    fn routed(delivered: &str) -> Secret {
        with_tags("a", &[(Tags::NAMESPACE, "shop"), (Tags::DELIVERED, delivered)])
    }

    #[test]
    fn the_order_is_that_of_the_playbook() {
        let (plain, rotating, behind, delivered) =
            (secret("a"), rotating("a"), routed(PREVIOUS), routed(CURRENT));
        for (what, found, expected) in [
            ("it is in use", seen(&plain, CURRENT), Next::Rotate),
            ("a rotation runs already", seen(&rotating, CURRENT), Next::AwaitRotation),
            ("the next rotation runs", seen(&rotating, PREVIOUS), Next::AwaitRotation),
            ("not delivered", seen(&behind, PREVIOUS), Next::AwaitDelivery),
            ("delivered", seen(&delivered, PREVIOUS), Next::AwaitClients),
            ("no cluster", seen(&plain, PREVIOUS), Next::AwaitClients),
        ] {
            assert_eq!(next(&found), expected, "{what}");
        }
        let waited = Seen { clients_were_waited_for: true, ..seen(&delivered, PREVIOUS) };
        assert_eq!(next(&waited), Next::Revoke);
        let revoked = |proof| Seen { is_revoked: true, proof, ..waited };
        assert_eq!(next(&revoked(None)), Next::Prove);
        assert_eq!(next(&revoked(Some(Login::Refused))), Next::Done);
        assert_eq!(next(&revoked(Some(Login::Unknown))), Next::Done);
        for is_revoked in [true, false] {
            let accepted = Seen { is_revoked, ..revoked(Some(Login::Accepted)) };
            assert!(
                matches!(next(&accepted), Next::Stop(why) if why.contains("still_works")),
                "{is_revoked}"
            );
        }
    }

    #[test]
    fn force_waits_for_nothing_but_never_cuts_off_what_is_in_use() {
        let (plain, behind) = (secret("a"), routed(PREVIOUS));
        let forced = |secret, leaked| next(&Seen { force: true, ..seen(secret, leaked) });
        assert_eq!(forced(&behind, PREVIOUS), Next::Revoke);
        assert_eq!(forced(&plain, CURRENT), Next::Rotate);
    }

    #[test]
    fn a_version_that_cannot_be_revoked_ends_the_command_with_the_reason() {
        let (plain, rotating) = (secret("a"), rotating("a"));
        for (secret, leaked, words) in
            [(&plain, PENDING, "no label"), (&rotating, PENDING, "AWSPENDING"), (&plain, "", "no label")]
        {
            match next(&seen(secret, leaked)) {
                Next::Stop(why) => assert!(why.contains(words), "{why}"),
                other => panic!("{leaked}: {other:?}"),
            }
        }
    }

    #[test]
    fn every_way_ends() {
        // Whatever is interrupted and repeated: each step brings the secret one state further.
        let (mut secret, leaked) = (routed(CURRENT), CURRENT);
        let (mut waited, mut is_revoked, mut proof) = (false, false, None);
        for _ in 0..8 {
            let found = Seen {
                secret: &secret,
                leaked,
                force: false,
                clients_were_waited_for: waited,
                is_revoked,
                proof,
            };
            match next(&found) {
                Next::Rotate => {
                    secret.versions.push(rotating("a").versions.remove(2));
                }
                Next::AwaitRotation => {
                    for version in &mut secret.versions {
                        version.stages = match version.id.as_str() {
                            PENDING => vec!["AWSCURRENT".to_owned()],
                            CURRENT => vec!["AWSPREVIOUS".to_owned()],
                            _ => Vec::new(),
                        };
                    }
                }
                Next::AwaitDelivery => secret.tags = routed(PENDING).tags,
                Next::AwaitClients => waited = true,
                Next::Revoke => is_revoked = true,
                Next::Prove => proof = Some(Login::Refused),
                Next::Done => return,
                Next::Stop(why) => panic!("{why}"),
            }
        }
        panic!("it does not end");
    }
}
