//! What protects an account, tried on the emulator as if it were one: the program follows the default chain of
//! configuration, which names the emulator's endpoint here.

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws::Aws;
use aws_sdk_secretsmanager::Client;
use conformance::manifest::Kind;
use conformance::run::RUN_TAG;
use conformance::{cleanup, emulator};
use support::{folder, manifest, run, tools};

const ACCOUNT: &str = "000000000000";
const LIMIT: Duration = Duration::from_secs(30);

fn program(aws: &Aws, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args(arguments).args(["--region", aws.region()]).stdin(Stdio::null());
    command.env("AWS_ENDPOINT_URL", aws.endpoint()).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env_remove("AWS_PROFILE");
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

async fn output(mut command: Command) -> Result<Output> {
    Ok(tokio::task::spawn_blocking(move || command.output()).await??)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn secrets(aws: &Aws) -> Result<Vec<String>> {
    let list = Client::new(&aws.sdk_config().await).list_secrets().send().await?;
    Ok(list.secret_list().iter().filter_map(|entry| entry.name().map(str::to_owned)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_nobody_named_is_not_touched() -> Result<()> {
    let aws = emulator::start(&tools()?, &folder("guard-account")).await?;
    for arguments in [
        &["--target", "account", "--account", "999999999999"][..],
        // Without a terminal, nobody can type it.
        &["--target", "account"][..],
    ] {
        let output = output(program(&aws, arguments)).await?;
        let said = said(&output);
        assert!(output.status.code() == Some(1) && said.contains("refused:"), "{said}");
        assert!(said.contains("US$") && said.contains(ACCOUNT), "what it would do was not shown: {said}");
    }
    assert_eq!(secrets(&aws).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_without_the_runs_tag_is_deleted() -> Result<()> {
    let aws = emulator::start(&tools()?, &folder("guard-tag")).await?;
    let target = emulator::target(&aws, run("-tag")?, manifest("guard-tag")?).await?;
    // The manifest names three secrets. One has no tag, one the tag of another run.
    let (bare, foreign) = (target.name("bare"), target.name("foreign"));
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key(RUN_TAG).value("20200101-000000").build();
    for (name, tags) in [(&bare, vec![]), (&foreign, vec![tag])] {
        let create = target.secrets.create_secret().name(name).secret_string("x").set_tags(Some(tags));
        let create = async { Ok(create.send().await?) };
        target.manifest.before(&target.entry(Kind::Secret, name), create).await?;
    }
    let own = target.secret("own").await?;
    let cleaned = cleanup::run(&target).await?;
    assert_eq!(cleaned.deleted, [format!("secret {}", own.name)]);
    assert_eq!(cleaned.refused.len(), 2, "{cleaned:?}");
    assert!(!cleaned.is_complete());
    let left = secrets(&aws).await?;
    assert!(left.contains(&bare) && left.contains(&foreign) && left.len() == 2, "{left:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_cleaned_up_by_its_manifest_and_its_tag() -> Result<()> {
    let aws = emulator::start(&tools()?, &folder("guard-killed")).await?;
    let log = folder("guard-killed-log");
    std::fs::create_dir_all(&log)?;
    let log = log.join("output");
    let mut command = program(&aws, &["--target", "account", "--account", ACCOUNT, "--rows", "V"]);
    let mut child = command.stdout(std::fs::File::create(&log)?).spawn()?;
    // It has deployed the probe, and has made secrets.
    let started = Instant::now();
    let run = loop {
        let text = std::fs::read_to_string(&log)?;
        let run = text.lines().find_map(|line| line.strip_prefix("account: run ")).map(str::to_owned);
        if let Some(run) = run
            && secrets(&aws).await?.iter().any(|name| name.contains("/v"))
        {
            break run;
        }
        if started.elapsed() > LIMIT {
            child.kill()?;
            anyhow::bail!("no secret was made:\n{text}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    child.kill()?;
    child.wait()?;
    // A secret of somebody else stays.
    let bystander =
        Client::new(&aws.sdk_config().await).create_secret().name("somebody/else").secret_string("x");
    bystander.send().await?;

    let cleanup = ["--cleanup", &run, "--account", ACCOUNT];
    let first = output(program(&aws, &cleanup)).await?;
    assert!(first.status.success(), "{}{}", said(&first), String::from_utf8_lossy(&first.stderr));
    assert_eq!(secrets(&aws).await?, ["somebody/else"]);
    let again = output(program(&aws, &cleanup)).await?;
    assert!(again.status.success() && said(&again).contains("deleted 0"), "{}", said(&again));
    let folder = conformance::program::folder_of(&run);
    support::no_value_below(&folder)?;
    without_the_manifest(&aws, &folder, &cleanup).await
}

/// The tag alone is enough, for a machine that has no manifest.
async fn without_the_manifest(aws: &Aws, folder: &Path, cleanup: &[&str]) -> Result<()> {
    std::fs::remove_dir_all(folder).context("the folder of the run")?;
    let run = cleanup.get(1).context("no run")?;
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key(RUN_TAG).value(*run).build();
    let client = Client::new(&aws.sdk_config().await);
    client.create_secret().name("found-by-tag").secret_string("x").tags(tag).send().await?;
    let output = output(program(aws, cleanup)).await?;
    ensure!(output.status.success(), "{}", said(&output));
    assert_eq!(secrets(aws).await?, ["somebody/else"]);
    std::fs::remove_dir_all(folder).context("the folder of the run")
}
