//! The places where a password could be left, beside files and messages.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use testbed::cloud::Cloud;

/// The arguments of all processes, and the environments of the functions.
pub fn arguments_and_environments(cloud: &Cloud) -> String {
    let endpoint = format!("AWS_ENDPOINT_URL={}", cloud.aws.endpoint());
    let mut text = String::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let read = |file: &str| std::fs::read(process.path().join(file)).unwrap_or_default();
        text += &String::from_utf8_lossy(&read("cmdline"));
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        if environment.contains("AWS_LAMBDA_FUNCTION_NAME=") && environment.contains(&endpoint) {
            text += &environment;
        }
    }
    text
}

/// All items of all tables: incidents, and the memories of rotation-watch.
///
/// # Errors
/// When a table cannot be read, or has no item.
pub async fn tables(cloud: &Cloud) -> Result<String> {
    let client = aws_sdk_dynamodb::Client::new(&cloud.aws.sdk_config().await);
    let tables = client.list_tables().send().await.context("the tables are not listed")?.table_names;
    let mut text = String::new();
    for table in tables.unwrap_or_default() {
        let mut pages = client.scan().table_name(&table).into_paginator().send();
        while let Some(page) = pages.next().await {
            text += &format!("{:?}", page.with_context(|| table.clone())?.items);
        }
    }
    text.contains("rotation").then_some(text).context("no table has an item")
}

/// The newest time of a file in a folder. Files that are not older were written later, whatever the clock says.
pub fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let times = entries.filter_map(|entry| entry.metadata().ok()?.modified().ok());
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The names that core(5) gives.
pub fn is_core_file(name: &str) -> bool {
    name == "core"
        || name.strip_prefix("core.").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}
