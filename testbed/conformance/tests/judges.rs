//! The two emulators answer the rows as the committed page says: the short form of `cargo xtask conformance`.

mod support;

use anyhow::{Result, ensure};
use aws::RotationOptions;
use conformance::outcome::Outcome;
use conformance::page::{self, Word};
use conformance::program::{ask, write_page};
use conformance::target::Judge;
use conformance::{cleanup, contract, emulator, events, moto, rows};
use support::{folder, manifest, probe, run, tools};

/// Set to write the answers to the page.
const UPDATE: &str = "UPDATE_CONFORMANCE";

/// What the page says of rows that this judge is asked must be what it answers now.
fn compare(outcome: &Outcome) -> Result<()> {
    let (all, contract) = (rows::all(), contract::rows());
    if std::env::var_os(UPDATE).is_some() {
        return write_page(&page::path(), |page| outcome.write_into(page, &all, &contract));
    }
    let page = page::read(&page::path())?;
    let column = Judge::ALL.iter().position(|judge| *judge == outcome.judge).unwrap_or_default();
    let mut differences = Vec::new();
    for row in all.iter().filter(|row| row.is_for(outcome.judge)) {
        let (said, found) = (page.rows.get(row.id).map(|cells| cells[column].word), outcome.cell(row).word);
        if said != Some(found) {
            let answer = outcome.answers.iter().find(|answer| answer.id == row.id);
            differences.push(format!("{}: the page says {:?}, now {answer:?}", row.id, said.map(Word::text)));
        }
    }
    let advice = "`UPDATE_CONFORMANCE=1 cargo xtask test -- judges` writes the page";
    ensure!(differences.is_empty(), "{advice}\n{}", differences.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_emulator_answers_the_rows_through_public_endpoints() -> Result<()> {
    let aws = emulator::start(&tools()?, &folder("judge-emulator")).await?;
    let refused = aws.set_rotation_options(None, &RotationOptions::default()).await;
    assert!(refused.is_err(), "the control endpoints must be off");

    let mut target = emulator::target(&aws, run("-emulator")?, manifest("emulator")?).await?;
    let deployed = conformance::stack::deploy(&target, &probe(), std::env::consts::ARCH).await?;
    target.broker = deployed.output("BrokerRef").ok().map(str::to_owned);
    target.probe = Some(deployed);
    let outcome = ask(&target, |_| true, &|line| println!("{line}")).await;

    let captured = target.service_events().await?;
    let shapes = events::differences(&captured, &events::fixtures(&sandbox::workspace())?);
    assert!(
        shapes.len() >= 3 && shapes.values().all(Vec::is_empty),
        "beside dlq-handler's fixtures: {shapes:?}"
    );

    outcome.store(target.manifest.folder(), &rows::all())?;
    let cleaned = cleanup::run(&target).await?;
    assert!(cleaned.is_complete() && !cleaned.deleted.is_empty(), "{cleaned:?}");
    support::no_value_below(target.manifest.folder())?;
    compare(&outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn motos_server_answers_the_rows_of_secrets_manager() -> Result<()> {
    let server = moto::start(&moto::install(&tools()?)?, &folder("judge-moto")).await?;
    let target = server.target(run("-moto")?, manifest("moto")?).await?;
    let outcome = ask(&target, |_| true, &|line| println!("{line}")).await;
    assert!(outcome.answers.len() > 10, "{outcome:?}");
    let cleaned = cleanup::run(&target).await?;
    assert!(cleaned.is_complete(), "{cleaned:?}");
    compare(&outcome)
}
