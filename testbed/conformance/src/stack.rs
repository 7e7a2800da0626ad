//! Deploys the probe: a bucket with its package, and the stack of `probe.yaml`. Deletes them again.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::manifest::Kind;
use crate::probe::Probe;
use crate::target::{Judge, Target};
use crate::{cli::Cli, zip};

const TEMPLATE: &str = include_str!("../probe.yaml");
const KEY: &str = "probe.zip";
/// Events of a failed stack in an error.
const SHOWN: usize = 8;
/// CloudFormation takes longer for a stack than AWS for one call: so many times the usual wait.
const STACK_PACES: u32 = 4;

/// The architecture of the probe's build, as Lambda names it.
#[must_use]
pub fn architecture(of_the_name: &str) -> &'static str {
    if of_the_name == "aarch64" || of_the_name == "arm64" { "arm64" } else { "x86_64" }
}

/// Creates the bucket and the stack, and waits for them.
///
/// # Errors
/// When a part fails. The message has the stack's events.
pub async fn deploy(target: &Target, program: &Path, architecture: &str) -> Result<Probe> {
    let cli = target.cli()?;
    let folder = target.manifest.folder();
    let package = folder.join(KEY);
    let content = std::fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    std::fs::write(&package, zip::stored("bootstrap", &content)?)?;
    let bucket = format!("{}-{}", target.run.prefix(), target.account);
    let entry = target.entry(Kind::Bucket, &bucket);
    target.manifest.before(&entry, make_bucket(target, &bucket)).await?;
    let body = format!("{}", package.display());
    cli.call(&["s3api", "put-object", "--bucket", &bucket, "--key", KEY, "--body", &body]).await?;
    std::fs::remove_file(&package)?;

    let with_broker = if target.judge == Judge::Emulator { "true" } else { "false" };
    let parameters = [
        ("Run", target.run.id()),
        ("CodeBucket", &bucket),
        ("CodeKey", KEY),
        ("Architecture", architecture),
        ("WithBroker", with_broker),
    ];
    let outputs = create(target, &target.run.prefix(), TEMPLATE, &parameters).await?;
    Ok(Probe::new(&target.config, outputs))
}

async fn make_bucket(target: &Target, bucket: &str) -> Result<()> {
    let (cli, place) = (target.cli()?, format!("LocationConstraint={}", target.region));
    let create = ["s3api", "create-bucket", "--bucket", bucket];
    // us-east-1 is the one region that must not be named.
    if target.region == "us-east-1" {
        cli.call(&create).await?;
    } else {
        cli.call(&[&create[..], &["--create-bucket-configuration", &place]].concat()).await?;
    }
    let tags: Vec<Value> =
        target.run.tags().into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    let tags = json!({"TagSet": tags}).to_string();
    cli.call(&["s3api", "put-bucket-tagging", "--bucket", bucket, "--tagging", &tags]).await?;
    Ok(())
}

/// Creates a stack with the run's tags, which CloudFormation gives to the stack's resources, too. Returns its outputs.
///
/// # Errors
/// When it fails. The message has the stack's events.
pub async fn create(
    target: &Target,
    name: &str,
    template: &str,
    parameters: &[(&str, &str)],
) -> Result<BTreeMap<String, String>> {
    let cli = target.cli()?;
    let parameters: Vec<Value> =
        parameters.iter().map(|(key, value)| json!({"ParameterKey": key, "ParameterValue": value})).collect();
    let tags: Vec<Value> =
        target.run.tags().into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    let (parameters, tags) = (json!(parameters).to_string(), json!(tags).to_string());
    let create = ["cloudformation", "create-stack", "--stack-name", name, "--template-body", template];
    let options = ["--capabilities", "CAPABILITY_IAM", "--parameters", &parameters, "--tags", &tags];
    let arguments = [&create[..], &options].concat();
    let made = async { cli.call(&arguments).await };
    target.manifest.before(&target.entry(Kind::Stack, name), made).await?;
    let stack = wait_for(target, name, "CREATE_IN_PROGRESS").await?.context("the stack is gone")?;
    match stack.pointer("/StackStatus").and_then(Value::as_str) {
        Some("CREATE_COMPLETE") => Ok(outputs(&stack)),
        status => bail!("stack {name}: {}\n{}", status.unwrap_or("?"), failures(cli, name).await),
    }
}

/// Deletes a stack and waits for the end. Whether it may be deleted, the caller has decided.
///
/// # Errors
/// When a resource is not deleted.
pub async fn delete(target: &Target, name: &str) -> Result<()> {
    let cli = target.cli()?;
    cli.call(&["cloudformation", "delete-stack", "--stack-name", name]).await?;
    let left = wait_for(target, name, "DELETE_IN_PROGRESS").await?;
    match left.as_ref().and_then(|stack| stack.pointer("/StackStatus")?.as_str()) {
        None | Some("DELETE_COMPLETE") => Ok(()),
        Some(status) => bail!("stack {name}: {status}\n{}", failures(cli, name).await),
    }
}

/// The stack, if it exists.
///
/// # Errors
/// When AWS does not answer.
pub async fn find(cli: &Cli, name: &str) -> Result<Option<Value>> {
    match cli.ask(&["cloudformation", "describe-stacks", "--stack-name", name]).await? {
        Ok(answer) => Ok(answer.pointer("/Stacks/0").cloned()),
        Err(refusal) if refusal.message.contains("does not exist") => Ok(None),
        Err(refusal) => bail!("cloudformation describe-stacks: {} ({})", refusal.code, refusal.message),
    }
}

/// Waits until a stack has left this status. An emulator may also show the status before it.
async fn wait_for(target: &Target, name: &str, status: &str) -> Result<Option<Value>> {
    target
        .within(STACK_PACES * target.pace.limit, &format!("the stack {name}"), async || {
            let found = find(target.cli()?, name).await?;
            let now = found.as_ref().and_then(|stack| stack.pointer("/StackStatus")?.as_str());
            let is_busy = now.is_some_and(|now| now == status || now.ends_with("_IN_PROGRESS"));
            Ok((!is_busy).then_some(found))
        })
        .await
}

/// The outputs of a stack.
#[must_use]
pub fn outputs(stack: &Value) -> BTreeMap<String, String> {
    let list = stack.pointer("/Outputs").and_then(Value::as_array).into_iter().flatten();
    let text = |output: &Value, key: &str| output.get(key).and_then(Value::as_str).map(str::to_owned);
    list.filter_map(|output| Some((text(output, "OutputKey")?, text(output, "OutputValue")?))).collect()
}

/// The reasons why resources failed, or why they could not be asked for.
async fn failures(cli: &Cli, name: &str) -> String {
    let answer = match cli.call(&["cloudformation", "describe-stack-events", "--stack-name", name]).await {
        Ok(answer) => answer,
        Err(error) => return error.to_string(),
    };
    let events = answer.pointer("/StackEvents").and_then(Value::as_array).into_iter().flatten();
    let part =
        |event: &Value, key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let failed = events.filter(|event| part(event, "ResourceStatus").ends_with("FAILED"));
    let lines = failed.map(|event| {
        format!("{}: {}", part(event, "LogicalResourceId"), part(event, "ResourceStatusReason"))
    });
    lines.take(SHOWN).collect::<Vec<_>>().join("\n")
}
