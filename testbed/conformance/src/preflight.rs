//! What is looked at before anything is created in an account, and when a run is refused.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail};
use aws_config::SdkConfig;
use serde_json::Value;

use crate::cli::Cli;
use crate::price::MOST_DOLLARS;

/// The probe's functions run at the same time as each other, and one account may have little left.
const FEWEST_FREE: i64 = 10;

/// The account of an emulator, whose root user may assume roles.
const EMULATED: &str = "000000000000";

/// What preflight saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The caller's account.
    pub account: String,
    /// The caller's ARN.
    pub caller: String,
    /// The region of the run.
    pub region: String,
    /// The names of the trails that log management events of this region now.
    pub trails: Vec<String>,
    /// Lambda's unreserved concurrency; `None` if it may not be asked.
    pub free_concurrency: Option<i64>,
    /// The estimate.
    pub dollars: f64,
}

/// Why a run is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

/// Decides whether an earlier run may be cleaned up or read: in the account that a person named. Nothing else may keep a
/// person from deleting what the run has left.
///
/// # Errors
/// When it may not.
pub fn decide_on_earlier(facts: &Facts, named: Option<&str>) -> Result<(), Refusal> {
    match named.map(str::trim) {
        None => Err(Refusal("no account was named: give --account, or type it on a terminal".into())),
        Some(named) if named != facts.account => {
            Err(Refusal(format!("`{named}` is not the account of the caller, {}", facts.account)))
        }
        Some(_) => Ok(()),
    }
}

/// Decides whether a new run may start. `named` is the account that a person named.
///
/// # Errors
/// When it may not.
pub fn decide(facts: &Facts, named: Option<&str>) -> Result<(), Refusal> {
    decide_on_earlier(facts, named)?;
    let refuse = |why: String| Err(Refusal(why));
    if facts.caller.ends_with(":root") && facts.account != EMULATED {
        return refuse("the caller is the root user, which cannot assume roles".into());
    }
    if let Some(free) = facts.free_concurrency
        && free < FEWEST_FREE
    {
        return refuse(format!("Lambda has an unreserved concurrency of {free}; a run needs {FEWEST_FREE}"));
    }
    if facts.dollars > MOST_DOLLARS {
        return refuse(format!("the run would cost US${:.2}, more than US${MOST_DOLLARS:.2}", facts.dollars));
    }
    Ok(())
}

/// Looks; changes nothing.
///
/// # Errors
/// When the caller has no identity.
pub async fn look(cli: &Cli, config: &SdkConfig, dollars: f64) -> Result<Facts> {
    let identity = cli.call(&["sts", "get-caller-identity"]).await.context("who is the caller?")?;
    let text =
        |key: &str| identity.get(key).and_then(Value::as_str).map(str::to_owned).context("no identity");
    let region = config.region().context("no region: give --region")?.to_string();
    Ok(Facts {
        account: text("Account")?,
        caller: text("Arn")?,
        region,
        trails: trails(cli).await.unwrap_or_default(),
        free_concurrency: free_concurrency(cli).await.ok().flatten(),
        dollars,
    })
}

/// The trails that log now and whose selectors do not leave out management events.
async fn trails(cli: &Cli) -> Result<Vec<String>> {
    let answer = cli.call(&["cloudtrail", "describe-trails"]).await?;
    let mut found = Vec::new();
    for trail in answer.pointer("/trailList").and_then(Value::as_array).into_iter().flatten() {
        let Some(arn) = trail.get("TrailARN").and_then(Value::as_str) else { continue };
        let status = cli.call(&["cloudtrail", "get-trail-status", "--name", arn]).await?;
        if status.get("IsLogging").and_then(Value::as_bool) != Some(true) {
            continue;
        }
        let selectors = cli.call(&["cloudtrail", "get-event-selectors", "--trail-name", arn]).await?;
        if logs_management_events(&selectors) {
            found.push(arn.to_owned());
        }
    }
    Ok(found)
}

/// Basic selectors have a flag, advanced ones a field `eventCategory`.
fn logs_management_events(selectors: &Value) -> bool {
    let list = |at: &str| selectors.pointer(at).and_then(Value::as_array).cloned().unwrap_or_default();
    let basic = list("/EventSelectors");
    let advanced = list("/AdvancedEventSelectors");
    let is_flagged =
        |selector: &Value| selector.get("IncludeManagementEvents").and_then(Value::as_bool) == Some(true);
    let names_management = |selector: &Value| selector.to_string().contains("\"Management\"");
    basic.iter().any(is_flagged) || advanced.iter().any(names_management)
}

async fn free_concurrency(cli: &Cli) -> Result<Option<i64>> {
    let answer = cli.call(&["lambda", "get-account-settings"]).await?;
    Ok(answer.pointer("/AccountLimit/UnreservedConcurrentExecutions").and_then(Value::as_i64))
}

/// The lines for the person who decides.
#[must_use]
pub fn lines(facts: &Facts) -> Vec<String> {
    let trails = if facts.trails.is_empty() {
        "none: row R14 stays unknown".to_owned()
    } else {
        facts.trails.join(", ")
    };
    let free = facts.free_concurrency.map_or_else(|| "not known".to_owned(), |free| free.to_string());
    vec![
        format!("caller       {}", facts.caller),
        format!("account      {}", facts.account),
        format!("region       {}", facts.region),
        format!("trails       {trails}"),
        format!("concurrency  {free} unreserved"),
        format!("estimate     at most US${:.2}", facts.dollars),
    ]
}

/// The account that a person types, if there is a terminal.
///
/// # Errors
/// When the terminal cannot be read.
pub fn typed() -> Result<Option<String>> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Ok(None);
    }
    let mut out = std::io::stderr();
    write!(out, "\nType the account's id to go on: ")?;
    out.flush()?;
    let mut line = String::new();
    if input.lock().read_line(&mut line)? == 0 {
        bail!("nothing was typed");
    }
    Ok(Some(line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts() -> Facts {
        Facts {
            account: "111122223333".into(),
            caller: "arn:aws:sts::111122223333:assumed-role/admin/me".into(),
            region: "eu-central-1".into(),
            trails: vec![],
            free_concurrency: Some(900),
            dollars: 0.2,
        }
    }

    #[test]
    fn only_the_callers_account_named_by_a_person_is_touched() {
        assert_eq!(decide(&facts(), Some("111122223333\n")), Ok(()));
        for named in [None, Some(""), Some("111122223334"), Some("y"), Some("yes")] {
            assert!(decide(&facts(), named).is_err(), "{named:?}");
        }
    }

    #[test]
    fn a_run_that_cannot_end_well_is_refused() {
        let root = Facts { caller: "arn:aws:iam::111122223333:root".into(), ..facts() };
        let busy = Facts { free_concurrency: Some(3), ..facts() };
        let dear = Facts { dollars: 3.01, ..facts() };
        for (facts, expected) in [(root, "root"), (busy, "concurrency"), (dear, "US$3.01")] {
            let why = decide(&facts, Some("111122223333")).err().map(|refusal| refusal.0).unwrap_or_default();
            assert!(why.contains(expected), "{why}");
        }
        assert_eq!(decide(&Facts { free_concurrency: None, ..facts() }, Some("111122223333")), Ok(()));
    }

    #[test]
    fn an_account_that_is_busy_can_still_be_cleaned_up_but_only_by_its_name() {
        let busy = Facts { free_concurrency: Some(3), dollars: 3.01, ..facts() };
        assert_eq!(decide_on_earlier(&busy, Some("111122223333")), Ok(()));
        for named in [None, Some(""), Some("111122223334")] {
            assert!(decide_on_earlier(&busy, named).is_err(), "{named:?}");
        }
    }

    #[test]
    fn a_trail_of_data_events_alone_does_not_count() {
        let basic = |flag: bool| json!({"EventSelectors": [{"IncludeManagementEvents": flag}]});
        assert!(logs_management_events(&basic(true)) && !logs_management_events(&basic(false)));
        let advanced = |kind: &str| {
            json!({"AdvancedEventSelectors": [
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": [kind]}]}]})
        };
        assert!(
            logs_management_events(&advanced("Management")) && !logs_management_events(&advanced("Data"))
        );
    }
}
