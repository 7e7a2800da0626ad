//! The suite's own decisions, asked about the model's small numbers.
//!
//! Each function here translates the numbers into what the code takes, calls the code, and translates the answer. It
//! decides nothing itself. The decisions are pure, so an answer is kept and not asked for again.

pub mod delivery;
pub mod revocation;
pub mod rotation;

use std::sync::LazyLock;

use contract::{SecretValue, Tags};
use rotation_mq::ownership;
use rotation_mq::version_state::{AWSCURRENT, AWSPENDING, AWSPREVIOUS, Versions};

use crate::rotation::world::{Id, Login, Mark, Secret, User, VERSIONS, WRONG, ids};

/// The rotated secret.
pub const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const ADMIN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:admin/broker-AbCdEf";
/// The secret of another application.
const OTHER: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/billing-AbCdEf";

/// As many passwords as the model has numbers for.
const PASSWORDS: u8 = 16;
const _: () = assert!(WRONG < PASSWORDS);
const IDS: [&str; VERSIONS] = ["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8"];

/// A memory for one pure function.
macro_rules! remembered {
    ($key:expr, $kind:ty => $value:ty, $compute:expr) => {{
        thread_local! {
            static KNOWN: std::cell::RefCell<std::collections::HashMap<$kind, $value>> =
                std::cell::RefCell::default();
        }
        let key: $kind = $key;
        let known = KNOWN.with_borrow(|known| known.get(&key).cloned());
        match known {
            Some(known) => known,
            None => {
                let value: $value = $compute;
                KNOWN.with_borrow_mut(|known| known.insert(key, value.clone()));
                value
            }
        }
    }};
}
pub(crate) use remembered;

/// The name of a version.
#[must_use]
pub fn name(id: Id) -> &'static str {
    IDS.get(usize::from(id)).copied().unwrap_or("v?")
}

/// The version with this name.
#[must_use]
pub fn id(name: &str) -> Option<Id> {
    let at = IDS.iter().position(|known| *known == name)?;
    Id::try_from(at).ok()
}

/// The staging labels, as `DescribeSecret` answers them.
fn versions(secret: &Secret) -> Versions {
    let labels = |id: Id| {
        let labels = [
            (Some(secret.current), AWSCURRENT),
            (secret.previous, AWSPREVIOUS),
            (secret.pending, AWSPENDING),
        ];
        labels.into_iter().filter(|(at, _)| *at == Some(id)).map(|(_, label)| label.to_owned()).collect()
    };
    // DescribeSecret does not return versions without labels (row L5).
    let labelled =
        ids().filter(|id| [Some(secret.current), secret.previous, secret.pending].contains(&Some(*id)));
    labelled.map(|id| (name(id).to_owned(), labels(id))).collect()
}

/// The tags of the secret, with one more.
fn tags(pin: Option<User>, routed: bool, receipt: Option<Id>, more: Option<(&str, &str)>) -> Tags {
    let route = [(Tags::NAMESPACE, "shop"), (Tags::NAME, "payment"), (Tags::STORE, "SecretStore/aws")];
    let route = route.into_iter().filter(|_| routed);
    let pin = pin.map(|user| (Tags::USER, user.name()));
    let receipt = receipt.map(|id| (Tags::DELIVERED, name(id)));
    route
        .chain(pin)
        .chain(receipt)
        .chain(more)
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The value of a version.
///
/// # Panics
/// Never: the table has all users and passwords.
fn value(login: Login, single: bool) -> &'static SecretValue {
    static VALUES: LazyLock<Vec<SecretValue>> = LazyLock::new(|| {
        let mut values = Vec::new();
        for strategy in ["alternating", "single"] {
            for user in User::ALL {
                for password in 0..PASSWORDS {
                    let json = serde_json::json!({
                        "engine": "rabbitmq", "username": user.name(), "password": format!("password-{password}"),
                        "brokerId": "b-1", "masterarn": ADMIN, "rotationStrategy": strategy,
                    });
                    values.extend(SecretValue::parse(&json.to_string()));
                }
            }
        }
        values
    });
    let at = (usize::from(single) * User::ALL.len() + login.user as usize) * usize::from(PASSWORDS)
        + usize::from(login.password);
    &VALUES[at]
}

/// The mark of this secret.
static OURS: LazyLock<ownership::Mark> = LazyLock::new(|| ownership::Mark::of(ARN));
/// The mark of the other secret.
static THEIRS: LazyLock<ownership::Mark> = LazyLock::new(|| ownership::Mark::of(OTHER));

/// The tags of a broker user.
fn user_tags(mark: Mark) -> std::collections::BTreeSet<String> {
    match mark {
        Mark::None => std::collections::BTreeSet::new(),
        Mark::Ours => [OURS.to_string()].into(),
        Mark::Theirs => [THEIRS.to_string()].into(),
    }
}
