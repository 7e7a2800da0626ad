//! Differences that a person has judged, with what AWS's page says. A new difference fails the check of the page until it
//! is judged here.

use super::Difference;
use crate::target::Judge;

/// A judgement.
struct Judged {
    row: &'static str,
    judge: Judge,
    wrong: &'static str,
    page: &'static str,
    says: &'static str,
}

const PUT: &str = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html";
const LIST: &str =
    "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html";
const STAGE: &str =
    "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html";
const VERSIONS: &str = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html";

const JUDGED: &[Judged] = &[
    Judged {
        row: "V2",
        judge: Judge::Moto,
        wrong: "moto",
        page: PUT,
        says: "a request with a known token and the same value does nothing",
    },
    Judged {
        row: "V3",
        judge: Judge::Moto,
        wrong: "moto",
        page: PUT,
        says: "a request with a known token and another value fails",
    },
    Judged {
        row: "V8",
        judge: Judge::Moto,
        wrong: "moto",
        page: LIST,
        says: "the dates of its example have milliseconds",
    },
    Judged {
        row: "L1",
        judge: Judge::Moto,
        wrong: "unpublished",
        page: STAGE,
        says: "a version that does not match fails; the page lists both errors and does not say which: ask an account",
    },
    Judged {
        row: "L3",
        judge: Judge::Moto,
        wrong: "moto",
        page: VERSIONS,
        says: "a secret always has a version with AWSCURRENT",
    },
    Judged {
        row: "L5",
        judge: Judge::Moto,
        wrong: "moto",
        page: LIST,
        says: "versions without labels are left out unless the request asks for them",
    },
];

/// The note about a difference: the judgement, or a question.
#[must_use]
pub fn note(row: &str, judge: Judge, what: &str, pages: &[String]) -> Difference {
    let what = what.to_owned();
    match JUDGED.iter().find(|one| one.row == row && one.judge == judge) {
        Some(one) => {
            Difference { what, wrong: one.wrong.into(), page: format!("{} ({})", one.page, one.says) }
        }
        None => Difference {
            what,
            wrong: "?".into(),
            page: pages.first().cloned().unwrap_or_else(|| "unpublished".into()),
        },
    }
}
