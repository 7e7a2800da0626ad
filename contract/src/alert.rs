//! The alert: the text that SecOps reads, by mail and in the chat.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::text::cut_chat as cut;

/// AWS publishes only a part of the limits of a custom notification. These limits are well below what chats show.
/// <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>
const TITLE_LIMIT: usize = 200;
const DESCRIPTION_LIMIT: usize = 4_000;
/// The longest command, with the longest ARN that a secret can have, fits. A command must never be cut: half a command is
/// another command.
const STEP_LIMIT: usize = 1_500;
const STEPS_LIMIT: usize = 10;
const SUMMARY_LIMIT: usize = 250;
const KEYWORDS_LIMIT: usize = 10;
/// SNS: "Subject" must be ASCII without line breaks, and up to 100 characters long.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const SUBJECT_LIMIT: usize = 100;

/// One alert (`schemas/alert.json`): a valid custom notification of Amazon Q Developer in chat applications,
/// and, as [`Alert::mail`], a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    version: String,
    source: String,
    content: Content,
    metadata: Metadata,
    /// Not a part of the notification. It is the attribute of the message that an owner filters by.
    #[serde(skip)]
    owner: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    text_type: String,
    title: String,
    description: String,
    next_steps: Vec<String>,
    keywords: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    thread_id: String,
    summary: String,
    event_type: String,
    related_resources: Vec<String>,
    additional_context: BTreeMap<String, String>,
}

/// What an alert says, before it is cut to its limits.
///
/// Text from outside is in it as [`Foreign::chat`](crate::Foreign::chat) renders it, or as an argument of a command
/// that [`Foreign::argument`](crate::Foreign::argument) accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertText {
    /// One line: what happened, and to which secret, function or alarm.
    pub title: String,
    /// What happened and what it means. Each paragraph has a heading and a text.
    pub paragraphs: Vec<(String, String)>,
    /// What to do, in this order.
    pub next_steps: Vec<String>,
    /// Words to search for in the chat.
    pub keywords: Vec<String>,
    /// The conversation that the alert belongs to: all alerts about one secret are in one.
    pub thread: String,
    /// `incident.opened` and the like.
    pub event_type: String,
    /// ARNs.
    pub related_resources: Vec<String>,
    /// For machines: `kind`, `severity`, ...
    pub context: BTreeMap<String, String>,
    /// Who is responsible for the secret: an attribute of the message, so it is the text itself
    /// ([`Foreign::attribute`](crate::Foreign::attribute)).
    pub owner: Option<String>,
}

impl Alert {
    /// Puts the text into the notification's form and cuts it to its limits.
    #[must_use]
    pub fn new(text: AlertText) -> Self {
        let paragraph = |(heading, text): &(String, String)| format!("*{heading}* {text}");
        let description = text.paragraphs.iter().map(paragraph).collect::<Vec<_>>().join("\n\n");
        let short = |texts: Vec<String>, count: usize, limit: usize| -> Vec<String> {
            texts.iter().take(count).map(|text| cut(text, limit)).collect()
        };
        Self {
            version: "1.0".to_owned(),
            source: "custom".to_owned(),
            content: Content {
                text_type: "client-markdown".to_owned(),
                title: cut(&text.title, TITLE_LIMIT),
                description: cut(&description, DESCRIPTION_LIMIT),
                next_steps: short(text.next_steps, STEPS_LIMIT, STEP_LIMIT),
                keywords: short(text.keywords, KEYWORDS_LIMIT, TITLE_LIMIT),
            },
            metadata: Metadata {
                thread_id: text.thread,
                summary: cut(&text.title, SUMMARY_LIMIT),
                event_type: text.event_type,
                related_resources: text.related_resources,
                additional_context: text.context,
            },
            owner: text.owner,
        }
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.content.title
    }

    /// A value of the context for machines, such as `kind`.
    #[must_use]
    pub fn context(&self, key: &str) -> Option<&str> {
        self.metadata.additional_context.get(key).map(String::as_str)
    }

    /// Who is responsible for the secret, for the attribute of that name.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The subject of the mail.
    #[must_use]
    pub fn subject(&self) -> String {
        let plain = |c: char| if c.is_ascii() && !c.is_ascii_control() { c } else { '-' };
        self.content.title.chars().map(plain).take(SUBJECT_LIMIT).collect()
    }

    /// The body of the mail: the same words without markup.
    #[must_use]
    pub fn mail(&self) -> String {
        let mut mail = format!("{}\n\n", self.content.title);
        for paragraph in self.content.description.split("\n\n") {
            let (heading, text) =
                paragraph.strip_prefix('*').and_then(|rest| rest.split_once("* ")).unwrap_or(("", paragraph));
            let separator = if heading.is_empty() { "" } else { "\n  " };
            let _ = write!(mail, "{heading}{separator}{}\n\n", text.replace('\n', "\n  "));
        }
        if !self.content.next_steps.is_empty() {
            mail.push_str("What to do\n");
        }
        for (number, step) in (1..).zip(&self.content.next_steps) {
            let _ = writeln!(mail, "  {number}. {}", step.replace('`', "").replace('\n', "\n     "));
        }
        mail.replace('`', "'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> AlertText {
        AlertText {
            title: "rabbitmq/payment: rotation fails – admin.login_refused".to_owned(),
            paragraphs: vec![
                ("What happened:".to_owned(), "`setSecret` failed.".to_owned()),
                ("What it means now:".to_owned(), "Nothing is broken.".to_owned()),
            ],
            next_steps: vec!["Run `aws secretsmanager rotate-secret`".to_owned()],
            ..AlertText::default()
        }
    }

    #[test]
    fn a_mail_is_a_letter_and_its_subject_fits_sns() {
        let alert = Alert::new(text());
        assert_eq!(
            alert.mail(),
            "rabbitmq/payment: rotation fails – admin.login_refused\n\n\
             What happened:\n  'setSecret' failed.\n\nWhat it means now:\n  Nothing is broken.\n\n\
             What to do\n  1. Run aws secretsmanager rotate-secret\n"
        );
        assert_eq!(alert.subject(), "rabbitmq/payment: rotation fails - admin.login_refused");
    }

    #[test]
    fn an_alert_stays_small_whatever_it_contains() -> Result<(), serde_json::Error> {
        let huge = "ö".repeat(100_000);
        let alert = Alert::new(AlertText {
            title: huge.clone(),
            paragraphs: vec![(huge.clone(), huge.clone()); 100],
            next_steps: vec![huge.clone(); 100],
            keywords: vec![huge; 100],
            ..AlertText::default()
        });
        assert!(serde_json::to_string(&alert)?.len() < 32 * 1024);
        assert!(alert.subject().len() <= SUBJECT_LIMIT);
        Ok(())
    }
}
