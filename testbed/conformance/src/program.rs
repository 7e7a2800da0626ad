//! One run: preflight, the probe, the rows, the clean-up, and what is written at the end.

mod session;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::arguments::Arguments;
use crate::cleanup::{self, Cleaned};
use crate::outcome::{Answer, Outcome};
use crate::target::{Judge, Target};
use crate::verdict::Verdict;
use crate::{collect, contract, events, page, rows, simulate};

pub use session::{Programs, Session, folder_of};

/// Rows that are asked at the same time. Together they stay far below the quota of 50 calls a second.
const AT_ONCE: usize = 12;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// No row was contradicted.
    Held,
    /// A row was contradicted, or something of the run is left.
    Failed,
}

/// A person stopped the run.
#[derive(Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Runs what the arguments say. `say` prints a line for a person. When `stop` ends, no further row is asked, and what
/// the run has made is deleted.
///
/// # Errors
/// When a judge cannot be started, or the run is refused or interrupted.
pub async fn run(
    arguments: &Arguments,
    programs: &Programs,
    say: &dyn Fn(&str),
    stop: impl Future<Output = ()>,
) -> Result<End> {
    if let Some(run) = &arguments.cleanup {
        let session = Session::of_run(arguments, programs, run, say).await?;
        return Ok(report_cleanup(&cleanup::run(&session.target).await?, say));
    }
    if let Some(run) = &arguments.collect {
        return collected(arguments, programs, run, say).await;
    }
    let mut stop = pin!(stop);
    let (mut end, mut texts) = (End::Held, Vec::new());
    for judge in arguments.judges() {
        let mut session = Session::start(judge, arguments, programs, say).await?;
        let asked = tokio::select! {
            asked = ask_with_probe(&mut session, arguments, programs, say) => asked,
            () = &mut stop => Err(Interrupted.into()),
        };
        let is_kept = arguments.keep && judge == Judge::Account && asked.is_ok();
        if !is_kept && clean_up(&session, say).await == End::Failed && judge == Judge::Account {
            end = End::Failed;
        }
        let outcome = asked?;
        if write(arguments, &session, &outcome, say)? == End::Failed {
            end = End::Failed;
        }
        texts.push(outcome.markdown(&rows::all()));
    }
    let path = page::outcome_path();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, texts.join("\n"))?;
    say(&format!("\noutcome: {}", path.display()));
    Ok(end)
}

/// The rows that a day shows, of a run that was kept.
async fn collected(arguments: &Arguments, programs: &Programs, run: &str, say: &dyn Fn(&str)) -> Result<End> {
    let session = Session::of_run(arguments, programs, run, say).await?;
    let mut outcome = Outcome::of(&session.target);
    outcome.answers = collect::read(&session.target).await?;
    for answer in &outcome.answers {
        say(&line(Judge::Account, answer));
    }
    let end = write(arguments, &session, &outcome, say)?;
    let cleaned = clean_up(&session, say).await;
    Ok(if cleaned == End::Held { end } else { cleaned })
}

/// Whatever happened before: what the run made is deleted.
async fn clean_up(session: &Session, say: &dyn Fn(&str)) -> End {
    match cleanup::run(&session.target).await {
        Ok(cleaned) => report_cleanup(&cleaned, say),
        Err(error) => {
            say(&format!(
                "the clean-up failed: {error:#}\n  next: repeat it with --cleanup {}",
                session.target.run.id()
            ));
            End::Failed
        }
    }
}

async fn ask_with_probe(
    session: &mut Session,
    arguments: &Arguments,
    programs: &Programs,
    say: &dyn Fn(&str),
) -> Result<Outcome> {
    session.deploy(programs, say).await?;
    let target = &session.target;
    let mut outcome = ask(target, |id| arguments.wants(id), say).await;
    beyond(target, arguments, &mut outcome).await;
    if arguments.keep && target.judge == Judge::Account {
        collect::leave(target).await?;
        say(&format!("kept for a day: `cargo xtask conformance --collect {}`", target.run.id()));
    }
    Ok(outcome)
}

/// Asks the judge of a target the rows that are wanted: most at the same time, and those that use up a quota at the end.
pub async fn ask(target: &Target, wants: impl Fn(&str) -> bool, say: &dyn Fn(&str)) -> Outcome {
    let all = rows::all();
    let asked = || all.iter().filter(|row| row.is_for(target.judge) && wants(row.id));
    let mut outcome = Outcome::of(target);
    let together = stream::iter(asked().filter(|row| !row.is_last()).map(|row| question(target, row, say)));
    outcome.answers = together.buffer_unordered(AT_ONCE).collect().await;
    for row in asked().filter(|row| row.is_last()) {
        outcome.answers.push(question(target, row, say).await);
    }
    let order: Vec<String> = contract::rows().into_iter().map(|row| row.id).collect();
    outcome.answers.sort_by_key(|answer| order.iter().position(|id| *id == answer.id));
    outcome
}

async fn question(target: &Target, row: &rows::Row, say: &dyn Fn(&str)) -> Answer {
    let started = Instant::now();
    let verdict = row.ask(target).await;
    let answer = Answer { id: row.id.to_owned(), verdict, took: started.elapsed() };
    say(&line(target.judge, &answer));
    answer
}

/// The checks that are no rows: the shapes of the captured events, and the roles of a deployed stack.
async fn beyond(target: &Target, arguments: &Arguments, outcome: &mut Outcome) {
    if target.probe.is_some() {
        let compared = async {
            let captured = target.service_events().await?;
            Ok::<_, anyhow::Error>(events::differences(&captured, &events::fixtures(&sandbox::workspace())?))
        };
        match compared.await {
            Ok(found) => outcome
                .beyond
                .extend(found.into_iter().map(|(file, missing)| (format!("event {file}"), missing))),
            Err(error) => {
                outcome.beyond.insert("events".into(), vec![format!("{error:#}")]);
            }
        }
    }
    if let (Some(stack), Ok(cli), Judge::Account) = (&arguments.stack, target.cli(), target.judge) {
        match simulate::roles_of(cli, stack).await {
            Ok(found) => outcome.beyond.extend(found),
            Err(error) => {
                outcome.beyond.insert(format!("roles of {stack}"), vec![format!("{error:#}")]);
            }
        }
    }
}

fn line(judge: Judge, answer: &Answer) -> String {
    let (word, why) = match &answer.verdict {
        Verdict::Confirmed(what) => ("ok      ", what.clone().unwrap_or_default()),
        Verdict::Contradicted(why) => ("DIFFERS ", why.clone()),
        Verdict::Unknown(why) => ("unknown ", why.clone()),
    };
    format!("  {word} {:8} {:4} {why}", judge.name(), answer.id).trim_end().to_owned()
}

fn report_cleanup(cleaned: &Cleaned, say: &dyn Fn(&str)) -> End {
    say(&format!("deleted {} resources", cleaned.deleted.len()));
    for (word, list) in
        [("NOT DELETED", &cleaned.refused), ("FAILED", &cleaned.failed), ("LEFT", &cleaned.left)]
    {
        for one in list {
            say(&format!("  {word}  {one}"));
        }
    }
    if cleaned.is_complete() { End::Held } else { End::Failed }
}

/// Writes the outcome of a judge to the run's folder, and with `--page` to the committed page.
fn write(arguments: &Arguments, session: &Session, outcome: &Outcome, say: &dyn Fn(&str)) -> Result<End> {
    let (all, contract) = (rows::all(), contract::rows());
    outcome.store(session.target.manifest.folder(), &all)?;
    let [confirmed, contradicted, unknown] = outcome.counts();
    say(&format!(
        "{}: {confirmed} confirmed, {contradicted} contradicted, {unknown} unknown",
        outcome.judge.name()
    ));
    if arguments.page {
        if outcome.judge == Judge::Account && session.target.config.endpoint_url().is_some() {
            bail!("the page was not written: the configured endpoint is not the one of AWS");
        }
        write_page(&page::path(), |page| outcome.write_into(page, &all, &contract))?;
    }
    // moto is a judge, not a party: what it contradicts needs a note on the page.
    Ok(if contradicted > 0 && outcome.judge != Judge::Moto { End::Failed } else { End::Held })
}

/// Changes the page.
///
/// # Errors
/// When it cannot be read or written.
pub fn write_page(path: &Path, change: impl FnOnce(&mut page::Page)) -> Result<()> {
    let mut page = page::read(path)?;
    change(&mut page);
    std::fs::write(path, page::render(&contract::rows(), &page)).with_context(|| path.display().to_string())
}

/// Where runs write their manifests and outcomes.
#[must_use]
pub fn runs() -> PathBuf {
    sandbox::workspace().join("target/conformance")
}
