//! What a day shows: how often, when and with which token Secrets Manager tried a failed rotation again (rows H).

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde_json::json;

use crate::outcome::Answer;
use crate::probe::Invocation;
use crate::secret::{SECOND, fail, put};
use crate::target::Target;
use crate::verdict::Verdict;

/// The part of the names of secrets that stay for a day.
const KEPT: &str = "kept";
/// Two invocations that began within this time ran side by side.
const SIDE_BY_SIDE_MS: i64 = 900;

/// Leaves two secrets with a rotation that fails in its second step and a window that opens every four hours.
///
/// # Errors
/// When a secret cannot be created or rotated.
pub async fn leave(target: &Target) -> Result<()> {
    for _ in 0..2 {
        let secret = target.secret(KEPT).await?;
        secret.script(&json!({"createSecret": [put(SECOND)], "setSecret": [fail()]})).await?;
        let rules = RotationRulesType::builder().schedule_expression("rate(4 hours)").duration("1h").build();
        let function = target.probe()?.output("ProbeArn")?;
        let rotate = target.secrets.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
        rotate.rotation_rules(rules).send().await?;
    }
    Ok(())
}

/// Reads what the probe recorded of the secrets that stayed, and decides the rows.
///
/// # Errors
/// When the record cannot be read.
pub async fn read(target: &Target) -> Result<Vec<Answer>> {
    let prefix = format!("{}/{KEPT}-", target.run.prefix());
    let names = target.manifest.entries()?.into_iter().map(|entry| entry.name);
    let mut all = Vec::new();
    for name in names.filter(|name| name.starts_with(&prefix)) {
        let arn = target.secrets.describe_secret().secret_id(&name).send().await?.arn.context("no ARN")?;
        all.push(target.probe()?.invocations(&arn).await?);
    }
    Ok(decide(&all))
}

/// One attempt: its token and its invocations.
type Attempt<'i> = (&'i str, Vec<&'i Invocation>);

/// A new attempt begins with createSecret.
fn attempts(invocations: &[Invocation]) -> Vec<Attempt<'_>> {
    let mut found: Vec<Attempt<'_>> = Vec::new();
    for one in invocations {
        let is_next =
            one.step == "createSecret" && found.last().is_none_or(|(_, steps)| !is_duplicate(steps, one));
        match found.last_mut() {
            Some((_, steps)) if !is_next => steps.push(one),
            _ => found.push((&one.token, vec![one])),
        }
    }
    found
}

fn is_duplicate(steps: &[&Invocation], one: &Invocation) -> bool {
    steps.last().is_some_and(|last| {
        last.step == one.step && last.token == one.token && (one.at_ms - last.at_ms).abs() < SIDE_BY_SIDE_MS
    })
}

/// Decides the rows H1 to H6 from what was recorded of some secrets. Of H1 to H3, one is what Secrets Manager does.
#[must_use]
pub fn decide(secrets: &[Vec<Invocation>]) -> Vec<Answer> {
    let all: Vec<Vec<Attempt<'_>>> = secrets.iter().map(|invocations| attempts(invocations)).collect();
    let answer = |id: &str, verdict: Verdict| Answer { id: id.to_owned(), verdict, took: Duration::ZERO };
    let ids = ["H1", "H2", "H3", "H4", "H5", "H6"];
    if all.iter().all(Vec::is_empty) {
        return ids.map(|id| answer(id, Verdict::Unknown("no invocation was recorded".into()))).into();
    }
    let again = all.iter().map(|attempts| attempts.len().saturating_sub(1)).max().unwrap_or_default();
    let pairs = || all.iter().flat_map(|attempts| attempts.windows(2));
    let same = pairs().filter(|pair| matches!(pair, [one, two] if one.0 == two.0)).count();
    let new = pairs().count() - same;
    let seen = |is_seen: bool, what: String| {
        if is_seen { Verdict::Confirmed(Some(what)) } else { Verdict::Unknown(format!("not seen: {what}")) }
    };
    let gaps: Vec<i64> = pairs()
        .filter_map(|pair| match pair {
            [one, two] => Some((two.1.first()?.at_ms - one.1.first()?.at_ms) / 60_000),
            _ => None,
        })
        .collect();
    let duplicates = all.iter().flatten().filter(|(_, steps)| {
        steps.windows(2).any(|pair| matches!(pair, [one, two] if is_duplicate(&[*one], two)))
    });
    let late = all.iter().flatten().filter(|(_, steps)| {
        steps
            .windows(2)
            .any(|pair| matches!(pair, [one, two] if one.step == two.step && !is_duplicate(&[*one], two)))
    });
    vec![
        answer("H1", seen(again == 0, format!("{again} further attempts within the window or a day"))),
        answer("H2", seen(same > 0, format!("{same} further attempts with the same token"))),
        answer("H3", seen(new > 0, format!("{new} further attempts with a new token"))),
        answer("H4", seen(again > 0, format!("{again} further attempts, minutes between them: {gaps:?}"))),
        answer(
            "H5",
            seen(duplicates.clone().count() > 0, format!("{} steps twice side by side", duplicates.count())),
        ),
        answer(
            "H6",
            seen(late.clone().count() > 0, format!("{} steps again after their attempt", late.count())),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(step: &str, token: &str, minute: i64) -> Invocation {
        Invocation { step: step.into(), token: token.into(), at_ms: minute * 60_000, ..Invocation::default() }
    }

    fn confirmed(invocations: &[Invocation]) -> Vec<String> {
        let answers = decide(&[invocations.to_vec()]);
        let seen = answers.into_iter().filter(|one| matches!(one.verdict, Verdict::Confirmed(_)));
        seen.map(|one| one.id).collect()
    }

    #[test]
    fn what_was_recorded_decides_between_the_hypotheses() {
        let first = [invocation("createSecret", "a", 0), invocation("setSecret", "a", 1)];
        assert_eq!(confirmed(&first), ["H1"]);
        let same =
            [&first[..], &[invocation("createSecret", "a", 10), invocation("setSecret", "a", 11)]].concat();
        assert_eq!(confirmed(&same), ["H2", "H4"]);
        let new =
            [&first[..], &[invocation("createSecret", "b", 10), invocation("setSecret", "b", 11)]].concat();
        assert_eq!(confirmed(&new), ["H3", "H4"]);
        let twice = [&first[..], &[invocation("setSecret", "a", 1)]].concat();
        assert_eq!(confirmed(&twice), ["H1", "H5"]);
        let late = [&first[..], &[invocation("setSecret", "a", 30)]].concat();
        assert_eq!(confirmed(&late), ["H1", "H6"]);
        assert!(confirmed(&[]).is_empty());
    }
}
