//! The times in the templates fit each other.

use std::path::Path;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn file(path: &str) -> std::io::Result<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
}

/// The values of the lines `KEY: NUMBER`.
fn numbers(text: &str, key: &str) -> Vec<u64> {
    let value = |line: &str| line.trim().strip_prefix(key)?.strip_prefix(':')?.trim().parse().ok();
    text.lines().filter_map(value).collect()
}

#[test]
fn cloudformation_waits_until_the_function_has_answered_or_was_killed() -> Outcome {
    let template = file("infra/template.yaml")?;
    let function = template.split("\n  BrokerUserFunction:\n").nth(1).ok_or("no function")?;
    let retries = template.split("\n  BrokerUserRetries:\n").nth(1).ok_or("no retries")?;
    let limit = *numbers(function, "Timeout").first().ok_or("no time limit")?;
    let wait = *numbers(retries, "MaximumEventAgeInSeconds").first().ok_or("no age")?;
    for (path, resources) in
        [("infra/secret.yaml", 1), ("examples/cookie-store/stack.yaml", 3), ("docs/src/add-a-secret.md", 1)]
    {
        let found = numbers(&file(path)?, "ServiceTimeout");
        assert_eq!(found, vec![wait + limit; resources], "{path}");
    }
    let construct = file("examples/cdk/broker-secret.ts")?;
    let expected = format!("serviceTimeout: Duration.seconds({}),", wait + limit);
    assert!(construct.contains(&expected), "examples/cdk/broker-secret.ts has no `{expected}`");
    Ok(())
}
