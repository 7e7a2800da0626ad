//! What the name of a key means: the keys that the contract knows, their near misses, and keys that name a user or a
//! password. Pure.

use crate::text::cut;

/// Every key that the contract gives a meaning to (`contract/schemas/secret-value.json`).
pub const KNOWN: [&str; 10] = [
    "engine",
    "username",
    "password",
    "brokerId",
    "host",
    "port",
    "managementUrl",
    "vhost",
    "masterarn",
    "rotationStrategy",
];

/// Endings of a key that names a user, in the form of [`letters`], the longest first.
const USER_ENDINGS: [&str; 7] = ["loginname", "username", "userid", "login", "user", "usr", "uid"];
/// Endings of a key that names a password, the longest first.
const PASSWORD_ENDINGS: [&str; 7] = ["passphrase", "password", "passwort", "passwd", "pass", "pwd", "pw"];
/// Words for other systems, whose credentials are not this broker's.
const OTHER_SYSTEMS: [&str; 30] = [
    "cassandra",
    "database",
    "db",
    "elastic",
    "elasticsearch",
    "ftp",
    "jdbc",
    "kafka",
    "ldap",
    "mail",
    "mariadb",
    "mongo",
    "mongodb",
    "mssql",
    "mysql",
    "opensearch",
    "oracle",
    "pg",
    "pgsql",
    "postgres",
    "postgresql",
    "redis",
    "sftp",
    "smtp",
    "snowflake",
    "sql",
    "sqlserver",
    "ssh",
    "redshift",
    "dynamodb",
];
/// Words for this broker. The first two count as the beginning of a word, too.
const THIS_BROKER: [&str; 4] = ["rabbit", "amqp", "broker", "mq"];
/// The longest name of a key that an error shows.
const SHOWN_BYTES: usize = 64;

/// The known key that somebody meant: the same letters without case, `-`, `_` and white space.
pub(super) fn near_miss(key: &str) -> Option<&'static str> {
    let meant = letters(key);
    KNOWN.into_iter().find(|known| *known != key && known.eq_ignore_ascii_case(&meant))
}

/// A key in lower case without `-`, `_` and white space.
fn letters(key: &str) -> String {
    key.chars().filter(|c| !c.is_whitespace() && !"-_".contains(*c)).map(|c| c.to_ascii_lowercase()).collect()
}

/// A key as an error shows it: short, and without control characters.
pub(super) fn shown(key: &str) -> String {
    let plain: String = key.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&plain, SHOWN_BYTES)
}

/// Whether an error may show a key that the contract does not know: it has the usual characters of a name, and not too
/// many.
pub(super) fn is_plain(key: &str) -> bool {
    (1..=SHOWN_BYTES).contains(&key.len())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// The part of a key before the word for a user: `Some("")` for `user`, `Some("rabbitmq")` for `RABBITMQ_USER`, `None`
/// for a key that does not name a user.
pub(super) fn user_prefix(key: &str) -> Option<String> {
    prefix(key, &USER_ENDINGS)
}

/// As [`user_prefix`], for the word for a password.
pub(super) fn password_prefix(key: &str) -> Option<String> {
    prefix(key, &PASSWORD_ENDINGS)
}

fn prefix(key: &str, endings: &[&str]) -> Option<String> {
    let name: String = letters(key).chars().filter(char::is_ascii_alphanumeric).collect();
    endings.iter().find_map(|ending| name.strip_suffix(ending)).map(str::to_owned)
}

/// Whether a key could be the key of a user although its name says neither that nor anything else.
pub(super) fn may_name_a_user(key: &str) -> bool {
    ["name", "id", "account", "accountname", "identity", "principal", "client", "clientid"]
        .contains(&letters(key).as_str())
}

/// Whether the name is about a system other than a broker.
pub(super) fn names_another_system(key: &str) -> bool {
    words(key).iter().any(|word| {
        let before = user_prefix(word).or_else(|| password_prefix(word));
        OTHER_SYSTEMS.contains(&word.as_str())
            || before.is_some_and(|before| OTHER_SYSTEMS.contains(&before.as_str()))
    })
}

/// Whether the name is about this broker.
pub(super) fn names_this_broker(key: &str) -> bool {
    let [rabbit, amqp, ..] = THIS_BROKER;
    words(key).iter().any(|word| {
        word.starts_with(rabbit) || word.starts_with(amqp) || THIS_BROKER.contains(&word.as_str())
    })
}

/// The words of a key in lower case: `db`, `user` for `DB_USER`, `db.user`, `dbUser`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in key.chars() {
        let begins = !c.is_ascii_alphanumeric() || (after_lower && c.is_ascii_uppercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        after_lower = c.is_ascii_lowercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_the_same_letters_in_another_spelling() {
        for (key, expected) in [
            ("masterArn", Some("masterarn")),
            ("master_arn", Some("masterarn")),
            ("MASTER-ARN", Some("masterarn")),
            ("masterarn ", Some("masterarn")),
            ("UserName", Some("username")),
            ("user_name", Some("username")),
            ("PASSWORD", Some("password")),
            ("brokerid", Some("brokerId")),
            ("broker_id", Some("brokerId")),
            ("BrokerID", Some("brokerId")),
            ("rotation-strategy", Some("rotationStrategy")),
            ("rotationstrategy", Some("rotationStrategy")),
            ("managementURL", Some("managementUrl")),
            ("vHost", Some("vhost")),
            ("Engine", Some("engine")),
            ("_port", Some("port")),
        ] {
            assert_eq!(near_miss(key), expected, "{key}");
        }
        // Known keys themselves, keys of AWS's own shapes, and other words.
        for key in KNOWN.into_iter().chain([
            "hosts",
            "ports",
            "host1",
            "user",
            "pass",
            "dbname",
            "dbInstanceIdentifier",
            "dbClusterIdentifier",
            "masteruserarn",
            "ssl",
            "hostname",
            "virtualHost",
            "brokerIds",
            "strategy",
            "",
            "-",
            "_",
        ]) {
            assert_eq!(near_miss(key), None, "{key}");
        }
    }

    #[test]
    fn a_key_of_a_user_or_a_password_is_known_by_its_end() {
        for (key, user, password) in [
            ("user", Some(""), None),
            ("login", Some(""), None),
            ("RABBITMQ_USER", Some("rabbitmq"), None),
            ("spring.rabbitmq.username", Some("springrabbitmq"), None),
            ("dbUser", Some("db"), None),
            ("RABBITMQ_PASS", None, Some("rabbitmq")),
            ("spring.rabbitmq.password", None, Some("springrabbitmq")),
            ("queue", None, None),
            ("userQueue", None, None),
            ("application", None, None),
        ] {
            assert_eq!(user_prefix(key).as_deref(), user, "{key}");
            assert_eq!(password_prefix(key).as_deref(), password, "{key}");
        }
        for key in
            ["dbUser", "dbuser", "db_password", "postgres", "PG_USER", "mysqlLogin", "db", "REDIS_PASSWORD"]
        {
            assert!(names_another_system(key), "{key}");
        }
        for key in ["rabbitmqUser", "AMQP_URL", "mq-user", "broker", "brokerPass"] {
            assert!(names_this_broker(key), "{key}");
        }
        for key in ["brokerage", "queue", "dbUser", ""] {
            assert!(!names_this_broker(key), "{key}");
        }
        for key in ["rabbitmqUser", "user", "uri", "feedback", "broker.password", "redistribute", "passHash"]
        {
            assert!(!names_another_system(key), "{key}");
        }
    }
}
