//! Checks which crate may depend on which, with the dependencies that cargo resolves and the imports in the sources.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{package, workspace};

/// Crates that connect to outside systems, and the workspace members that may depend on them. A name that ends in `*`
/// stands for all names with that prefix.
const CLIENTS: &[(&str, &[&str])] = &[
    ("kube", &["secret2eks", "kubernetes", "proof", "end-to-end"]),
    ("k8s-openapi", &["secret2eks", "kubernetes", "end-to-end"]),
    ("lapin", &["cookie-store", "lapin-client", "rotation-mq", "broker", "testbed"]),
    ("reqwest", &["broker-user", "rotation-mq", "aws", "broker", "fault-proxy", "kubernetes", "proof"]),
    ("aws-sdk-eks", &["secops", "secret2eks"]),
    ("aws-sdk-mq", &["rotation-mq", "aws", "conformance"]),
    ("aws-sdk-lambda", &["messages", "aws", "conformance", "secops", "testbed", "proof", "end-to-end"]),
    ("aws-sdk-sns", &["messages", "secops", "testbed", "end-to-end"]),
    (
        "aws-sdk-*",
        &[
            "dlq-handler",
            "rotation-mq",
            "rotation-watch",
            "secops",
            "secret2eks",
            "aws",
            "conformance",
            "kubernetes",
            "testbed",
            "proof",
            "bench",
            "end-to-end",
        ],
    ),
    (
        "aws-config",
        &[
            "dlq-handler",
            "lambda-boundary",
            "messages",
            "rotation-mq",
            "rotation-watch",
            "secops",
            "secret2eks",
            "aws",
            "conformance",
            "testbed",
            "end-to-end",
        ],
    ),
    (
        "lambda_runtime",
        &[
            "broker-user",
            "dlq-handler",
            "empty-function",
            "lambda-boundary",
            "rotation-mq",
            "rotation-watch",
            "secret2eks",
            "aws",
            "conformance",
        ],
    ),
    // broker-user knows brokers and secrets as rotation-mq does. No other function needs a part of another. The model asks
    // the functions for their decisions.
    ("rotation-mq", &["broker-user", "model"]),
    ("secret2eks", &["model"]),
    ("dlq-handler", &["model"]),
    ("stateright", &["model"]),
    // The parts of the testbed, from the lowest to the highest. Tests of the example and of the proxies need a broker.
    ("sandbox", &["aws", "broker", "conformance", "fault-proxy", "kubernetes", "testbed"]),
    ("broker", &["testbed", "fault-proxy", "cookie-store"]),
    ("fault-proxy", &["testbed"]),
    ("aws", &["conformance", "kubernetes", "testbed"]),
    // The emulator's own tests share the rows that need no option of the launcher.
    ("conformance", &["aws"]),
    ("kubernetes", &["testbed"]),
    ("testbed", &["proof", "bench", "command-line", "end-to-end"]),
    ("proof", &["command-line", "end-to-end"]),
    ("bench", &["command-line"]),
    // The functions have typed errors. `anyhow` is for tests and command lines.
    (
        "anyhow",
        &[
            "aws",
            "bench",
            "broker",
            "command-line",
            "conformance",
            "end-to-end",
            "fault-proxy",
            "kubernetes",
            "model",
            "proof",
            "sandbox",
            "secops",
            "testbed",
            "xtask",
        ],
    ),
];

/// Workspace members that may depend only on these crates, so that they stay pure or quick to compile.
const CLOSED: &[(&str, &[&str])] = &[
    (
        "contract",
        &[
            "base64",
            "hostile",
            "jsonschema",
            "percent-encoding",
            "proptest",
            "serde",
            "serde_json",
            "thiserror",
            "zeroize",
        ],
    ),
    (
        "lambda-boundary",
        &[
            "aws-config",
            "aws-smithy-async",
            "aws-smithy-http-client",
            "aws-smithy-runtime-api",
            "aws-smithy-types",
            "contract",
            "jiff",
            "lambda_runtime",
            "rustls",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
            "tracing-subscriber",
        ],
    ),
    // It talks to nothing: it has the decisions of the functions, and no client.
    (
        "model",
        &[
            "anyhow",
            "clap",
            "contract",
            "dlq-handler",
            "jiff",
            "rotation-mq",
            "secret2eks",
            "serde_json",
            "stateright",
        ],
    ),
    ("sandbox", &["anyhow", "rcgen", "rustls", "tokio"]),
    ("hostile", &["base64", "nix", "percent-encoding", "serde_json", "sha2"]),
    ("xtask", &["anyhow", "hostile"]),
];

/// In a function, each outside system has one file, or one folder of that name. Only this file and `main.rs` may import
/// its client. If functions use a system for different purposes, the file has the name of the purpose.
const ONE_FILE_EACH: &[(&str, &[&str])] = &[
    ("lapin", &["amqp_login"]),
    ("reqwest", &["management_api", "response"]),
    ("aws_sdk_mq", &["amazon_mq"]),
    ("aws_sdk_secretsmanager", &["secret_store"]),
    ("aws_sdk_lambda", &["delivery_requests", "inspections"]),
    ("aws_sdk_sns", &["topic"]),
    ("aws_sdk_dynamodb", &["incident_table", "memory_table"]),
    ("aws_sdk_eventbridge", &["event_bus"]),
    ("aws_sdk_sqs", &["own_queue"]),
    ("aws_sdk_eks", &["eks_cluster"]),
    ("aws_sigv4", &["eks_token"]),
    ("kube", &["kubernetes_api"]),
];

/// The violations, one line each.
///
/// # Errors
/// When cargo does not answer, or a source cannot be read.
pub fn violations() -> Result<Vec<String>> {
    let mut found = dependency_violations(&direct_dependencies()?);
    for room in package::FUNCTIONS.into_iter().chain(["messages"]) {
        for source in rust_files(&workspace::root().join(room).join("src"))? {
            let text = fs::read_to_string(&source)?;
            let name = source.strip_prefix(workspace::root()).unwrap_or(&source);
            found.extend(import_violations(name, &text));
        }
    }
    Ok(found)
}

/// Pairs of a workspace member and one of its direct dependencies.
fn direct_dependencies() -> Result<Vec<(String, String)>> {
    let tree = workspace::cargo()
        .args(["tree", "--workspace", "--depth", "1", "--prefix", "depth", "--no-dedupe"])
        .args(["--edges", "normal,dev,build", "--target", "all", "--format", " {p}"])
        .output()
        .context("cannot run cargo tree")?;
    if !tree.status.success() {
        bail!("cargo tree failed:\n{}", String::from_utf8_lossy(&tree.stderr));
    }
    Ok(read_tree(&String::from_utf8_lossy(&tree.stdout)))
}

/// Lines such as `0 rotation-mq v0.1.0 (/path)` and, below it, `1 lapin v4.12.0`.
fn read_tree(text: &str) -> Vec<(String, String)> {
    let mut member = String::new();
    let mut pairs = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("0"), Some(name)) => name.clone_into(&mut member),
            (Some("1"), Some(name)) => pairs.push((member.clone(), name.to_owned())),
            _ => {}
        }
    }
    pairs
}

fn dependency_violations(pairs: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (member, dependency) in pairs {
        let client = CLIENTS.iter().find(|(name, _)| matches_name(name, dependency));
        if let Some((_, allowed)) = client
            && !allowed.contains(&member.as_str())
        {
            found.push(format!("{member} must not depend on {dependency}: only {} may", allowed.join(", ")));
        }
        let closed = CLOSED.iter().find(|(name, _)| name == member);
        if let Some((_, allowed)) = closed
            && !allowed.contains(&dependency.as_str())
        {
            found.push(format!("{member} must not depend on {dependency}: only on {}", allowed.join(", ")));
        }
    }
    found
}

fn matches_name(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

fn import_violations(file: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (client, owners) in ONE_FILE_EACH {
        let is_owner = |owner: &&str| {
            file.file_stem().is_some_and(|stem| stem == *owner)
                || file.parent().is_some_and(|folder| folder.ends_with(owner))
        };
        let owned = file.file_stem().is_some_and(|stem| stem == "main") || owners.iter().any(is_owner);
        if owned {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            if names_crate(line, client) {
                found.push(format!(
                    "{}:{number} names {client}: only {} may",
                    file.display(),
                    owners.join(" or ")
                ));
            }
        }
    }
    found
}

/// Whether a line of code (no comment) has a path into the crate.
fn names_crate(line: &str, client: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(client).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + client.len()..];
        let whole = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        whole
            && (after.starts_with("::")
                || code.trim_start().starts_with("use ") && after.starts_with([';', ' ']))
    })
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_in_the_wrong_room_is_found() {
        let tree = "0 contract v0.1.0 (/x)\n1 serde v1.0.0\n1 lapin v4.12.0\n\n\
                    0 rotation-mq v0.1.0 (/x)\n1 lapin v4.12.0\n1 anyhow v1.0.0\n";
        let found = dependency_violations(&read_tree(tree)).join("\n");
        assert_eq!(found.lines().count(), 3, "{found}");
        assert!(found.contains("contract must not depend on lapin: only cookie-store"), "{found}");
        assert!(found.contains("contract must not depend on lapin: only on "));
        assert!(found.contains("rotation-mq must not depend on anyhow"));
    }

    #[test]
    fn an_import_in_the_wrong_file_is_found() {
        let found = |file: &str, text: &str| import_violations(Path::new(file), text).len();
        assert_eq!(found("rotation-mq/src/steps/set_secret.rs", "use lapin::Connection;\n"), 1);
        assert_eq!(found("rotation-mq/src/amqp_login.rs", "use lapin::Connection;\n"), 0);
        assert_eq!(found("rotation-mq/src/management_api/users.rs", "use reqwest::Url;\n"), 0);
        assert_eq!(found("rotation-mq/src/lib.rs", "// not `lapin::Error`\nlet my_lapin::x = 1;\n"), 0);
        assert_eq!(found("rotation-mq/src/lib.rs", "use aws_sdk_sns as sns;\n"), 1);
        assert_eq!(found("rotation-mq/src/main.rs", "let sns = aws_sdk_sns::Client::new(&aws);\n"), 0);
    }
}
