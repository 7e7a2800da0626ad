//! Whether a version is checked before it is delivered. Pure.
//!
//! A version that a rotation has made was tested by that rotation, and its request says so. A value that somebody stored by
//! hand comes with the native event only. The native event of a rotation arrives beside the request of rotation-mq. Mostly, the
//! request has written the object by then, and the object shows that somebody has vouched for the version.

use serde_json::Value;

use crate::event::Change;
use crate::external_secret::{Wanted, is_unchecked, written_version};
use crate::secret_store::Description;

/// Whether nobody vouches for the current version of a secret whose versions should log in.
///
/// A secret that Secrets Manager does not rotate may hold anything, and a new one is delivered before its broker user exists. A
/// replica is checked in the region of its primary.
#[must_use]
pub fn is_open(secret: &Description, change: &Change) -> bool {
    let is_rotated = secret.rotation_enabled && secret.primary_region.is_none();
    let is_tested = change.tested.is_some() && change.tested == secret.current;
    is_rotated && !is_tested
}

/// Whether a version for which the event does not vouch has to be checked: the object was not written for it before. One that
/// was delivered unchecked is checked again.
///
/// A receipt counts only if there is no object, as in a new cluster. Otherwise, an older version was written over the object
/// meanwhile, and may have removed the note that this version is unchecked.
#[must_use]
pub fn is_to_be_checked(existing: Option<&Value>, wanted: Wanted<'_>) -> bool {
    if existing.is_some_and(is_unchecked) {
        return true;
    }
    let is_written = existing.and_then(written_version) == Some(wanted.version);
    let is_delivered = existing.is_none() && wanted.receipt == Some(wanted.version);
    !is_written && !is_delivered
}

#[cfg(test)]
mod tests {
    use contract::Tags;
    use serde_json::json;

    use super::*;
    use crate::event::Trigger;
    use crate::route::{Routing, route};

    #[test]
    fn only_a_version_of_a_rotated_secret_for_which_its_own_request_does_not_vouch_is_open() {
        for (rotated, primary, tested, expected) in [
            (true, None, None, true),
            (true, None, Some("v1"), true),
            (true, None, Some("v2"), false),
            (false, None, None, false),
            (true, Some("eu-west-1"), None, false),
        ] {
            let secret = Description {
                arn: "arn".to_owned(),
                current: Some("v2".to_owned()),
                tags: Tags::default(),
                primary_region: primary.map(str::to_owned),
                rotation_enabled: rotated,
            };
            let change = Change {
                secret_arn: "arn".to_owned(),
                since: None,
                trigger: Trigger::NativeEvent,
                tested: tested.map(str::to_owned),
            };
            assert_eq!(is_open(&secret, &change), expected, "{rotated} {primary:?} {tested:?}");
        }
        let (nothing, change) = (
            Description {
                arn: "arn".to_owned(),
                current: None,
                tags: Tags::default(),
                primary_region: None,
                rotation_enabled: true,
            },
            Change { secret_arn: "arn".to_owned(), since: None, trigger: Trigger::Request, tested: None },
        );
        assert!(is_open(&nothing, &change), "a request that names no version vouches for none");
    }

    #[test]
    fn what_was_written_or_delivered_before_is_not_checked_and_what_was_delivered_unchecked_is()
    -> Result<(), String> {
        let tags = [
            (Tags::NAMESPACE, "shop"),
            (Tags::NAME, "payment"),
            (Tags::STORE, "SecretStore/aws"),
            (Tags::KEYS, "username password"),
        ];
        let tags: Tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
        let Ok(Routing::To(route)) = route(&tags) else { return Err("no route".to_owned()) };
        let object = |version: &str, unchecked: Option<&str>| {
            let mut annotations = json!({"secret2eks/version-id": version});
            if let Some(unchecked) = unchecked {
                annotations["secret2eks/unchecked"] = json!(unchecked);
            }
            Some(json!({"metadata": {"annotations": annotations}}))
        };
        for (existing, receipt, expected) in [
            (None, None, true),
            (None, Some("v1"), true),
            (None, Some("v2"), false),
            (object("v1", None), Some("v1"), true),
            (object("v2", None), Some("v1"), false),
            (object("v1", None), Some("v2"), true),
            (object("v2", Some("v2")), Some("v2"), true),
            (Some(json!({"metadata": {}})), None, true),
        ] {
            let wanted = Wanted { route: &route, arn: "arn", version: "v2", receipt, unchecked: false };
            assert_eq!(is_to_be_checked(existing.as_ref(), wanted), expected, "{existing:?} {receipt:?}");
        }
        Ok(())
    }
}
