//! The checks: stable names for scripts, and what each of them asks.

use serde::{Serialize, Serializer};

macro_rules! checks {
    ($($variant:ident = $name:literal, $asks:literal;)+) => {
        /// One check of the set-up. Its name is stable: scripts match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Check {
            $(#[doc = $asks] $variant,)+
        }

        impl Check {
            /// Every check, in the order of the table in `docs/src/doctor.md`.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name, for example `trail.logging`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The question that it answers, as the page of the book has it.
            #[must_use]
            pub fn asks(self) -> &'static str {
                match self { $(Self::$variant => $asks,)+ }
            }
        }
    };
}

checks! {
    CallerIdentity = "caller.identity", "Who calls? Not the account's root user.";
    CallerPermissions = "caller.permissions", "May the caller see everything that the other checks need?";
    StackState = "stack.state", "Was the last update of the stack successful?";
    StackVersion = "stack.version", "Is the stack of the version of this program, with all its outputs?";
    StackParameters = "stack.parameters", "Do parameters of the stack contradict each other?";
    FunctionsState = "functions.state", "Does each function exist, and may it run?";
    FunctionsInvocable = "functions.invocable", "May Secrets Manager invoke the rotation function?";
    FunctionsReaders = "functions.readers", "Is each queue read by its function?";
    QueuesWaiting = "queues.waiting", "Are the queues empty? A message in a queue that no function reads needs a person.";
    AlertsSubscribed = "alerts.subscribed", "Does anybody get the alerts and the alarms?";
    NoticesSubscribed = "notices.subscribed", "Do failures reach the queue of dlq-handler?";
    TrailLogging = "trail.logging", "Does a trail record the management events of this region?";
    KeysStack = "keys.stack", "Is the key of the stack's topics and queues enabled?";
    KeysStackPolicy = "keys.stack_policy", "May SNS, EventBridge and CloudWatch use that key?";
    KeysSecrets = "keys.secrets", "Is the customer managed key of the secrets enabled, and may the functions use it?";
    SchedulesEnabled = "schedules.enabled", "Is each schedule of the stack enabled?";
    RulesEnabled = "rules.enabled", "Is each rule of the stack enabled, in the state that its events need?";
    RoutesReached = "routes.reached", "Does the function reach Secrets Manager, SNS, Amazon MQ and Lambda?";
    SecretsFound = "secrets.found", "Are there secrets, and were all of them checked?";
    SecretTags = "secret.tags", "Do the tags of the secret mean what their author wanted?";
    SecretRotation = "secret.rotation", "Is rotation on, with the rotation function of this stack?";
    SecretDelivered = "secret.delivered", "Does the receipt name the current version?";
    SecretInspected = "secret.inspected", "Does the secret log in, and is its pair ready for the next rotation?";
    AdminSecret = "admin.secret", "Can the functions read the admin secrets, and do these log in?";
    ClusterAccessEntry = "cluster.access_entry", "Does the cluster let secret2eks in, with its group?";
    ClusterLogin = "cluster.login", "Does secret2eks reach the cluster and log in?";
    ClusterOperator = "cluster.operator", "Is External Secrets Operator there, in a version without known holes?";
    ClusterPermissions = "cluster.permissions", "Has secret2eks its permissions in the cluster?";
    ClusterNamespaces = "cluster.namespaces", "Do the namespaces of the secrets exist, with the right tenant?";
    ClusterStores = "cluster.stores", "Are the stores of the secrets ready?";
}

impl std::fmt::Display for Check {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::doctor::facts::{Facts, Unseen};
    use crate::doctor::judge::judge;
    use crate::doctor::report::Report;

    fn read(path: &str) -> std::io::Result<String> {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
    }

    #[test]
    fn the_page_of_the_book_lists_every_check_with_its_question() -> std::io::Result<()> {
        let page = read("docs/src/doctor.md")?;
        let lines: Vec<&str> =
            page.lines().filter(|line| line.starts_with("| `") && line.contains(".")).collect();
        let listed =
            lines.iter().filter(|line| line.split('`').nth(1).is_some_and(|name| name.contains('.')));
        let expected: Vec<String> =
            Check::ALL.iter().map(|check| format!("| `{check}` | {} |", check.asks())).collect();
        assert_eq!(listed.copied().collect::<Vec<_>>(), expected);
        Ok(())
    }

    #[test]
    fn the_schema_knows_every_check_and_a_report_is_valid() -> Result<(), Box<dyn std::error::Error>> {
        let schema: Value = serde_json::from_str(&read("contract/schemas/doctor.json")?)?;
        let names: Vec<&str> = Check::ALL.iter().map(|check| check.as_str()).collect();
        assert_eq!(schema["properties"]["rows"]["items"]["properties"]["check"]["enum"], json!(names));
        let rows = judge(&Facts::unseen(&Unseen::Denied("cloudformation:DescribeStacks")));
        let report =
            serde_json::to_value(Report::new("rotation", "2026-01-01T00:00:00Z".to_owned(), true, rows))?;
        let schema = jsonschema::validator_for(&schema)?;
        assert!(schema.is_valid(&report), "{report}");
        Ok(())
    }

    #[test]
    fn without_any_permission_nothing_is_all_right() {
        let rows = judge(&Facts::unseen(&Unseen::Denied("cloudformation:DescribeStacks")));
        let well: Vec<_> = rows.iter().filter(|row| row.state == crate::doctor::report::State::Ok).collect();
        assert!(well.is_empty(), "{well:?}");
        let of_the_account = Check::ALL.iter().filter(|check| !check.as_str().starts_with("cluster."));
        // These have a row for each secret, and no secret is known.
        let of_secrets =
            [Check::SecretTags, Check::SecretRotation, Check::SecretDelivered, Check::SecretInspected];
        for check in
            of_the_account.filter(|check| !of_secrets.contains(check) && **check != Check::AdminSecret)
        {
            let has = rows.iter().any(|row| row.check == *check);
            assert!(has || matches!(check, Check::KeysStackPolicy | Check::KeysSecrets), "{check}");
        }
    }

    #[test]
    fn every_page_that_a_fix_names_exists_with_its_heading() -> std::io::Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor/judge");
        let mut found = 0;
        for source in std::fs::read_dir(folder)? {
            let source = source?.path();
            if source.is_dir() {
                continue;
            }
            let text = std::fs::read_to_string(source)?;
            let words = text.split(|c: char| c.is_whitespace() || "\"`;,)".contains(c));
            for word in
                words.filter(|word| word.starts_with("docs/src/") || word.starts_with("infra/playbooks/"))
            {
                let word = word.trim_end_matches(['.', ':']);
                let (path, anchor) = word.split_once('#').unwrap_or((word, ""));
                let page = read(path)?;
                let has = page.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
                assert!(anchor.is_empty() || has, "{word}");
                found += 1;
            }
        }
        assert!(found > 10, "{found}");
        Ok(())
    }

    /// As GitHub and the book make it of a heading.
    fn slug(heading: &str) -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    }
}
