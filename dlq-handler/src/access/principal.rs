//! Who made a call: CloudTrail's `userIdentity`.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use contract::cut;
use serde_json::Value;

use super::Pattern;

/// An ARN is shorter.
const NAME_LIMIT: usize = 600;
/// The roles of people in IAM Identity Center. Many people share a role, and the session has the name of the person.
const OF_PEOPLE: &str = "AWSReservedSSO_";

/// Who made a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// The name for people, which is also how two principals are distinguished.
    pub name: String,
    /// What it is compared with: the ARN of the role, the user or the account's root. None for a service of AWS, and for
    /// a principal of another account.
    pub arn: Option<String>,
    /// The service of AWS that made the call for itself.
    service: Option<String>,
}

impl Principal {
    /// The principal of an event.
    #[must_use]
    pub fn read(identity: &Value) -> Self {
        let text =
            |pointer: &str| identity.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let role = text("/sessionContext/sessionIssuer/arn");
        let arn = role.or(text("/arn")).map(str::to_owned);
        let service = if arn.is_none() { text("/invokedBy").map(str::to_owned) } else { None };
        let session = text("/arn").filter(|_| role.is_some()).and_then(|arn| arn.rsplit('/').next());
        let session = session.filter(|_| is_of_people(arn.as_deref()));
        let name = match (&arn, &service) {
            (Some(arn), _) => match session {
                Some(session) => format!("{arn} ({session})"),
                None => arn.clone(),
            },
            (None, Some(service)) => service.clone(),
            (None, None) => {
                let account = text("/accountId").unwrap_or("unknown");
                format!("{} of the account {account}", text("/principalId").unwrap_or("a principal"))
            }
        };
        Self { name: cut(&name, NAME_LIMIT), arn, service }
    }

    /// Whether the pattern of a parameter names it.
    #[must_use]
    pub fn is(&self, pattern: &Pattern) -> bool {
        self.arn.as_deref().is_some_and(|arn| pattern.matches(arn))
    }

    /// Whether an entry of a secret's tag names it: an ARN, the name of a role or a user, or a service. A name without an
    /// account is one of the account of the secret.
    #[must_use]
    pub fn is_called(&self, entry: &str, account: &str) -> bool {
        if self.service.as_deref() == Some(entry) || self.arn.as_deref() == Some(entry) {
            return true;
        }
        let Some(rest) = self.arn.as_deref().and_then(|arn| arn.split_once(":iam::")) else { return false };
        let Some((of, path)) = rest.1.split_once(':') else { return false };
        let is_named = path.starts_with("role/") || path.starts_with("user/");
        of == account && is_named && path.rsplit('/').next() == Some(entry)
    }
}

fn is_of_people(arn: Option<&str>) -> bool {
    arn.and_then(|arn| arn.rsplit('/').next()).is_some_and(|name| name.starts_with(OF_PEOPLE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/apps/payment";
    const PEOPLE: &str =
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1";
    const USER: &str = "arn:aws:iam::123456789012:user/batch";

    fn session(role: &str, name: &str) -> Value {
        let short = role.rsplit('/').next();
        json!({
            "type": "AssumedRole", "accountId": "123456789012", "principalId": format!("AROA1:{name}"),
            "arn": format!("arn:aws:sts::123456789012:assumed-role/{}/{name}", short.unwrap_or_default()),
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}, "attributes": {}},
        })
    }

    #[test]
    fn a_principal_is_its_role_or_user_and_a_person_is_also_the_session() {
        let of = |identity: &Value| {
            let principal = Principal::read(identity);
            (principal.name, principal.arn.unwrap_or_default())
        };
        let same = |text: &str| (text.to_owned(), text.to_owned());
        assert_eq!(of(&session(ROLE, "i-1234")), same(ROLE));
        assert_eq!(of(&session(PEOPLE, "ada@shop")), (format!("{PEOPLE} (ada@shop)"), PEOPLE.to_owned()));
        assert_eq!(of(&json!({"type": "IAMUser", "arn": USER, "userName": "batch"})), same(USER));
        let with_mfa = json!({"type": "IAMUser", "arn": USER, "sessionContext": {"sessionIssuer": {}}});
        assert_eq!(of(&with_mfa), same(USER));
        let root = "arn:aws:iam::123456789012:root";
        assert_eq!(of(&json!({"type": "Root", "arn": root})), same(root));
        let federated = json!({
            "type": "FederatedUser", "arn": "arn:aws:sts::123456789012:federated-user/ada",
            "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": USER}},
        });
        assert_eq!(of(&federated), same(USER));
        let service = json!({"type": "AWSService", "invokedBy": "kafka.amazonaws.com"});
        assert_eq!(of(&service), ("kafka.amazonaws.com".to_owned(), String::new()));
        let other = json!({"type": "AWSAccount", "accountId": "999999999999", "principalId": "AROA2:eve"});
        assert_eq!(of(&other), ("AROA2:eve of the account 999999999999".to_owned(), String::new()));
        assert_eq!(of(&Value::Null), ("a principal of the account unknown".to_owned(), String::new()));
    }

    #[test]
    fn a_tag_names_a_role_or_a_user_of_the_account_or_an_arn_or_a_service() {
        let role = Principal::read(&session(ROLE, "i-1234"));
        for (entry, account, expected) in [
            ("payment", "123456789012", true),
            ("payment", "999999999999", false),
            (ROLE, "999999999999", true),
            ("apps/payment", "123456789012", false),
            ("pay", "123456789012", false),
            ("", "123456789012", false),
        ] {
            assert_eq!(role.is_called(entry, account), expected, "{entry} {account}");
        }
        let root = Principal::read(&json!({"type": "Root", "arn": "arn:aws:iam::123456789012:root"}));
        assert!(!root.is_called("root", "123456789012"));
        let service = Principal::read(&json!({"type": "AWSService", "invokedBy": "kafka.amazonaws.com"}));
        assert!(service.is_called("kafka.amazonaws.com", "123456789012"));
    }
}
