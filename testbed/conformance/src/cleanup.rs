//! Deletes what a run has made, and nothing else: whatever has not the run's tag stays, even if the manifest names it.

use anyhow::{Context as _, Result, bail};
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use serde_json::Value;

use crate::manifest::{Entry, Kind};
use crate::run::RUN_TAG;
use crate::stack;
use crate::target::Target;

/// Pages of a list, at most.
const PAGES: usize = 50;

/// What a clean-up did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// What it deleted.
    pub deleted: Vec<String>,
    /// What the manifest names and the run does not own.
    pub refused: Vec<String>,
    /// What still has the run's tag.
    pub left: Vec<String>,
    /// What could not be deleted, and why.
    pub failed: Vec<String>,
}

impl Cleaned {
    /// Whether nothing of the run is left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.left.is_empty() && self.failed.is_empty() && self.refused.is_empty()
    }
}

/// Deletes everything of the run: the newest first, by the manifest and by the tag. It can be repeated.
///
/// # Errors
/// When the manifest cannot be read, or AWS does not answer at all.
pub async fn run(target: &Target) -> Result<Cleaned> {
    let mut cleaned = Cleaned::default();
    let entries = target.manifest.entries()?;
    for entry in &entries {
        if entry.account != target.account || entry.region != target.region {
            bail!("the run is of account {} in {}, and the caller is elsewhere", entry.account, entry.region);
        }
    }
    // Secrets first: a stack's own secret would else get a recovery window. Then the stacks, and their code at the end.
    let mut secrets = named(&entries, Kind::Secret);
    secrets.extend(tagged_secrets(target).await?);
    secrets.sort();
    secrets.dedup();
    for name in secrets {
        note(&mut cleaned, Kind::Secret, &name, delete_secret(target, &name).await);
    }
    if target.cli.is_some() {
        let mut stacks = named(&entries, Kind::Stack);
        stacks.push(target.run.prefix());
        stacks.sort();
        stacks.dedup();
        for name in stacks.into_iter().rev() {
            note(&mut cleaned, Kind::Stack, &name, delete_stack(target, &name).await);
        }
        for name in named(&entries, Kind::Bucket) {
            note(&mut cleaned, Kind::Bucket, &name, delete_bucket(target, &name).await);
        }
        for arn in left(target).await? {
            match delete_left(target, &arn).await {
                Ok(Some(End::Deleted)) => cleaned.deleted.push(arn),
                Ok(Some(_)) => {}
                Ok(None) => cleaned.left.push(arn),
                Err(error) => cleaned.failed.push(format!("{arn}: {error:#}")),
            }
        }
    }
    cleaned.left.extend(tagged_secrets(target).await?);
    Ok(cleaned)
}

/// What became of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Deleted,
    NotThere,
    NotOurs,
}

fn note(cleaned: &mut Cleaned, kind: Kind, name: &str, end: Result<End>) {
    let what = format!("{} {name}", kind.word());
    match end {
        Ok(End::Deleted) => cleaned.deleted.push(what),
        Ok(End::NotThere) => {}
        Ok(End::NotOurs) => cleaned.refused.push(format!("{what}: it has no tag {RUN_TAG} of this run")),
        Err(error) => cleaned.failed.push(format!("{what}: {error:#}")),
    }
}

fn named(entries: &[Entry], kind: Kind) -> Vec<String> {
    entries.iter().filter(|entry| entry.kind == kind).map(|entry| entry.name.clone()).collect()
}

/// The names of the secrets with the run's tag. The filter is checked again, because a filter may find more.
async fn tagged_secrets(target: &Target) -> Result<Vec<String>> {
    let filter = Filter::builder().key(FilterNameStringType::TagValue).values(target.run.id()).build();
    let mut names = Vec::new();
    let mut next = None;
    for _ in 0..PAGES {
        let list = target.secrets.list_secrets().filters(filter.clone()).set_next_token(next);
        let page = list.send().await?;
        for entry in page.secret_list() {
            let tags = entry.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
            if target.run.owns(tags) && entry.deleted_date().is_none() {
                names.extend(entry.name().map(str::to_owned));
            }
        }
        next = page.next_token;
        if next.is_none() {
            break;
        }
    }
    Ok(names)
}

async fn delete_secret(target: &Target, name: &str) -> Result<End> {
    let described = match target.secrets.describe_secret().secret_id(name).send().await {
        Ok(described) => described,
        Err(error)
            if error.as_service_error().is_some_and(aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretError::is_resource_not_found_exception) =>
        {
            return Ok(End::NotThere);
        }
        Err(error) => return Err(error.into()),
    };
    let tags = described.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    if !target.run.owns(tags) {
        return Ok(End::NotOurs);
    }
    let delete = target.secrets.delete_secret().secret_id(name).force_delete_without_recovery(true);
    delete.send().await?;
    Ok(End::Deleted)
}

async fn delete_stack(target: &Target, name: &str) -> Result<End> {
    let Some(found) = stack::find(target.cli()?, name).await? else { return Ok(End::NotThere) };
    if found.pointer("/StackStatus").and_then(Value::as_str) == Some("DELETE_COMPLETE") {
        return Ok(End::NotThere);
    }
    if !target.run.owns(tags(&found, "/Tags")) {
        return Ok(End::NotOurs);
    }
    stack::delete(target, name).await?;
    Ok(End::Deleted)
}

async fn delete_bucket(target: &Target, name: &str) -> Result<End> {
    let cli = target.cli()?;
    let answer = match cli.ask(&["s3api", "get-bucket-tagging", "--bucket", name]).await? {
        Ok(answer) => answer,
        Err(refusal) if refusal.code == "NoSuchBucket" => return Ok(End::NotThere),
        Err(refusal) if refusal.code == "NoSuchTagSet" => return Ok(End::NotOurs),
        Err(refusal) => bail!("{}: {}", refusal.code, refusal.message),
    };
    if !target.run.owns(tags(&answer, "/TagSet")) {
        return Ok(End::NotOurs);
    }
    let list = cli.call(&["s3api", "list-objects-v2", "--bucket", name]).await?;
    for object in list.pointer("/Contents").and_then(Value::as_array).into_iter().flatten() {
        let key = object.get("Key").and_then(Value::as_str).context("an object without a key")?;
        cli.call(&["s3api", "delete-object", "--bucket", name, "--key", key]).await?;
    }
    cli.call(&["s3api", "delete-bucket", "--bucket", name]).await?;
    Ok(End::Deleted)
}

/// What the tagging API still finds. A key waits seven days for its deletion, and costs nothing.
async fn left(target: &Target) -> Result<Vec<String>> {
    let filter = format!("Key={RUN_TAG},Values={}", target.run.id());
    let answer =
        target.cli()?.call(&["resourcegroupstaggingapi", "get-resources", "--tag-filters", &filter]).await?;
    let list =
        answer.pointer("/ResourceTagMappingList").and_then(Value::as_array).cloned().unwrap_or_default();
    let arns = list.iter().filter_map(|one| one.get("ResourceARN")?.as_str());
    Ok(arns.filter(|arn| !arn.contains(":kms:")).map(str::to_owned).collect())
}

/// Deletes what a stack has left behind. The tagging API has just said that it has the run's tag. That API still lists some
/// resources for a time after their end. None for another kind of resource.
async fn delete_left(target: &Target, arn: &str) -> Result<Option<End>> {
    let name = arn.rsplit(['/', ':']).next().unwrap_or(arn);
    let delete = match arn.split(':').nth(2) {
        Some("lambda") => ["lambda", "delete-function", "--function-name", name],
        Some("dynamodb") => ["dynamodb", "delete-table", "--table-name", name],
        _ => return Ok(None),
    };
    match target.cli()?.ask(&delete).await? {
        Ok(_) => Ok(Some(End::Deleted)),
        Err(refusal) if refusal.code == "ResourceNotFoundException" => Ok(Some(End::NotThere)),
        Err(refusal) => bail!("{}: {}", refusal.code, refusal.message),
    }
}

fn tags<'a>(answer: &'a Value, at: &str) -> Vec<(&'a str, &'a str)> {
    let list = answer.pointer(at).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|tag| Some((tag.get("Key")?.as_str()?, tag.get("Value")?.as_str()?))).collect()
}
