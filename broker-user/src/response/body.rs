//! The body of an answer, which is at most 4,096 bytes long. Pure.

use contract::{Kind, cut};
use serde_json::{Value, json};

use crate::event::Envelope;

/// *"The total size of the response body can't exceed 4,096 bytes."*
const LIMIT_BYTES: usize = 4_096;
/// The longest reason. It is shorter if the ids of the request are long.
const REASON_BYTES: usize = 2_000;

/// What CloudFormation is told.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    /// The request is done.
    Done {
        /// The id of the resource.
        physical_id: &'a str,
        /// The users of the pair: the attribute `Usernames`. It names them also while one does not exist yet.
        usernames: &'a [String],
    },
    /// The request failed.
    Failed {
        /// The id of the resource.
        physical_id: &'a str,
        /// What failed.
        kind: Kind,
        /// What failed, for whom, and why.
        message: &'a str,
        /// Where the playbooks are.
        playbooks: &'a str,
    },
}

/// The JSON of an answer.
#[must_use]
pub fn body(envelope: &Envelope, answer: Answer<'_>) -> String {
    let mut answered = json!({
        "StackId": envelope.stack_id, "RequestId": envelope.request_id, "LogicalResourceId": envelope.logical_id,
    });
    match answer {
        Answer::Done { physical_id, usernames } => {
            answered["Status"] = json!("SUCCESS");
            answered["PhysicalResourceId"] = json!(physical_id);
            if !usernames.is_empty() {
                answered["Data"] = json!({"Usernames": usernames.join(",")});
            }
            answered.to_string()
        }
        Answer::Failed { physical_id, kind, message, playbooks } => {
            answered["Status"] = json!("FAILED");
            answered["PhysicalResourceId"] = json!(physical_id);
            let playbook = format!("Playbook: {playbooks}/{}", kind.playbook());
            with_reason(answered, &format!("{kind}: {message}"), &playbook)
        }
    }
}

/// The answer with as much of the reason as there is room for. Characters that JSON escapes take more of it.
fn with_reason(mut answered: Value, reason: &str, playbook: &str) -> String {
    let mut limit = REASON_BYTES;
    loop {
        answered["Reason"] = json!(format!("{}. {playbook}", cut(reason, limit)));
        let text = answered.to_string();
        if text.len() <= LIMIT_BYTES || limit == 0 {
            return text;
        }
        limit /= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::ResponseUrl;

    fn envelope(id: usize) -> Result<Envelope, String> {
        Ok(Envelope {
            url: ResponseUrl::parse("https://x.s3.amazonaws.com/x?Signature=canary", None)
                .ok_or("refused")?,
            stack_id: "s".repeat(id),
            request_id: "4711".to_owned(),
            logical_id: "BrokerUser".to_owned(),
            physical_id: None,
        })
    }

    #[test]
    fn a_done_request_names_the_users_of_the_pair() -> Result<(), String> {
        let usernames = ["payment".to_owned(), "payment_clone".to_owned()];
        let answer = Answer::Done { physical_id: "b-1/payment", usernames: &usernames };
        let expected = json!({
            "Status": "SUCCESS", "PhysicalResourceId": "b-1/payment", "StackId": "sss", "RequestId": "4711",
            "LogicalResourceId": "BrokerUser", "Data": {"Usernames": "payment,payment_clone"},
        });
        assert_eq!(body(&envelope(3)?, answer), expected.to_string());
        let answer = Answer::Done { physical_id: "b-1/payment", usernames: &[] };
        assert!(!body(&envelope(3)?, answer).contains("Data"));
        Ok(())
    }

    #[test]
    fn a_failed_request_says_why_and_names_the_playbook() -> Result<(), String> {
        let (kind, playbooks) = (Kind::PairTaken, "infra/playbooks");
        let answer =
            Answer::Failed { physical_id: "none/4711", kind, message: "user `payment` exists", playbooks };
        let expected = json!({
            "Status": "FAILED", "PhysicalResourceId": "none/4711", "StackId": "sss", "RequestId": "4711",
            "LogicalResourceId": "BrokerUser",
            "Reason": "pair.taken: user `payment` exists. Playbook: infra/playbooks/rotation-failing.md#pair.taken",
        });
        assert_eq!(body(&envelope(3)?, answer), expected.to_string());
        Ok(())
    }

    #[test]
    fn an_answer_fits_whatever_it_says() -> Result<(), String> {
        let usernames = ["ü".repeat(124), format!("{}_clone", "ü".repeat(124))];
        let id = "i".repeat(1_024);
        let done = Answer::Done { physical_id: &id, usernames: &usernames };
        assert!(body(&envelope(512)?, done).len() <= LIMIT_BYTES);
        for character in ["ö", "\"", "x", "\u{1}"] {
            let message = character.repeat(100_000);
            let failed = Answer::Failed {
                physical_id: &id,
                kind: Kind::BrokerUnreachable,
                message: &message,
                playbooks: "https://wiki.example/playbooks",
            };
            let text = body(&envelope(512)?, failed);
            assert!(text.len() <= LIMIT_BYTES, "{}", text.len());
            assert!(text.contains("broker.unreachable") && text.contains("Playbook"), "{text}");
        }
        Ok(())
    }
}
