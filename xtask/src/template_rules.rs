//! Rules for `infra/template.yaml` that no linter checks.
//!
//! If a service has no permission to use the key of an encrypted topic or queue, it drops its message and reports no
//! error. The AWS emulator does not detect this, so these rules check the key's policy.

use anyhow::Result;

use crate::workspace;

const TEMPLATE: &str = "infra/template.yaml";
/// The services that must be able to use the key, and whether they support a condition on it.
const KEY_USERS: [(&str, bool); 3] =
    [("sns.amazonaws.com", true), ("events.amazonaws.com", false), ("cloudwatch.amazonaws.com", true)];
const KEY_ACTIONS: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];

/// The violations, one line each.
///
/// # Errors
/// When the template cannot be read.
pub fn violations() -> Result<Vec<String>> {
    Ok(template_violations(&workspace::read(TEMPLATE)?))
}

fn template_violations(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| [line, "\n"])
        .collect();
    let key = resource(&code, "AWS::KMS::Key");
    let statements: Vec<&str> = key.split("- Sid: ").skip(1).collect();
    for (service, condition_is_supported) in KEY_USERS {
        let allows = |statement: &&str| {
            statement.contains("Effect: Allow")
                && statement.contains(service)
                && KEY_ACTIONS.iter().all(|action| statement.contains(action))
                && (condition_is_supported || !statement.contains("Condition:"))
        };
        if !statements.iter().any(allows) {
            let how = if condition_is_supported { "" } else { " without a condition" };
            found.push(format!(
                "{TEMPLATE}: the key policy must let {service} decrypt and generate data keys{how}"
            ));
        }
    }
    found.extend(alarm_violations(&code));
    found.extend(topic_policy_violations(&code));
    let reserved = |text: &str| text.matches("ReservedConcurrentExecutions").count();
    let of_deliveries =
        code.split_once("\n  Secret2EksFunction:\n").map_or(0, |(_, rest)| reserved(entry(rest)));
    if reserved(&code) > of_deliveries {
        found.push(format!("{TEMPLATE}: concurrency must not be reserved: a throttled rotation fails"));
    }
    found
}

/// Each topic that alarms publish to, and the policy that lists their names.
const ALARM_TOPICS: [(&str, &str); 3] = [
    ("AlertTopic", "AlertTopicPolicy"),
    ("AlarmTopic", "AlarmTopicPolicy"),
    ("DeadLetterTopic", "DeadLetterTopicPolicy"),
];

/// An alarm can publish to a topic only if the topic's policy lists its name. dlq-handler always sends an alarm from
/// `DeadLetterTopic` only if it knows the name.
fn alarm_violations(code: &str) -> Vec<String> {
    let alarms: Vec<&str> = alarms(code).collect();
    let mut found = Vec::new();
    for alarm in &alarms {
        if alarm_name(alarm).is_empty() {
            let line = field(alarm, "AlarmName").unwrap_or("an alarm without a name");
            found.push(format!("{TEMPLATE}: an alarm's name must begin with the stack's: AlarmName{line}"));
        }
    }
    for alarm in &alarms {
        if speaks_on(alarm, "AlertTopic") && !speaks_on(alarm, "AlarmTopic") {
            let name = alarm_name(alarm);
            found.push(format!(
                "{TEMPLATE}: the alarm {name} does not reach subscribers that filter alerts: it must also publish to AlarmTopic"
            ));
        }
    }
    for (topic, policy) in ALARM_TOPICS {
        let speaking: Vec<&str> = alarms
            .iter()
            .filter(|alarm| speaks_on(alarm, topic))
            .map(|alarm| alarm_name(alarm))
            .filter(|name| !name.is_empty())
            .collect();
        let text = code.split_once(&format!("\n  {policy}:\n")).map_or("", |(_, rest)| entry(rest));
        let listed = names(text, ":alarm:${AWS::StackName}-");
        let unheard = speaking.iter().filter(|name| !listed.contains(name));
        found.extend(
            unheard.map(|name| format!("{TEMPLATE}: {policy} does not let the alarm {name} publish")),
        );
        let silent = listed.iter().filter(|name| !speaking.contains(name));
        found
            .extend(silent.map(|name| format!("{TEMPLATE}: {policy} names {name}, which is no alarm there")));
        if topic == "DeadLetterTopic" {
            let own = code.split_once("          OWN_NAMES:").map_or("", |(_, rest)| entry(rest));
            let own = names(own, "- !Sub ${AWS::StackName}-");
            let unknown = speaking.iter().filter(|name| !own.contains(name));
            found.extend(unknown.map(|name| format!("{TEMPLATE}: OWN_NAMES does not name the alarm {name}")));
        }
    }
    found
}

/// SNS refuses a policy that has a statement with several resources. No linter reports this.
fn topic_policy_violations(code: &str) -> Vec<String> {
    let policies = code.split("    Type: AWS::SNS::TopicPolicy\n").skip(1).map(entry);
    let is_of_several = |policy: &str| {
        field(policy, "Topics:").unwrap_or_default().contains(',')
            || policy.lines().any(|line| line.trim() == "Resource:" || line.trim().starts_with("Resource: ["))
    };
    let several = policies.filter(|policy| is_of_several(policy)).count();
    let words = || format!("{TEMPLATE}: a statement of a topic's policy has one resource, or SNS refuses it");
    std::iter::repeat_with(words).take(several).collect()
}

/// The text of each alarm in a template.
pub fn alarms(code: &str) -> impl Iterator<Item = &str> {
    code.split("    Type: AWS::CloudWatch::Alarm\n").skip(1).map(entry)
}

/// Messages from CloudWatch have no attributes, so no filter policy accepts them.
pub fn speaks_on(alarm: &str, topic: &str) -> bool {
    let names = field(alarm, "AlarmActions:").unwrap_or_default().split(['[', ']', ',']);
    names.map(str::trim).any(|name| name.strip_prefix("!Ref ") == Some(topic))
}

fn alarm_name(alarm: &str) -> &str {
    field(alarm, "AlarmName: !Sub ${AWS::StackName}-").unwrap_or_default()
}

/// The value of the first field of that name, in one line.
pub fn field<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    entry.lines().find_map(|line| line.trim().strip_prefix(name))
}

/// The text after `before`, for each line that contains it.
fn names<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.split_once(before)).map(|(_, name)| name.trim()).collect()
}

/// The text of the first resource of a type, up to the next entry at its own depth.
fn resource<'a>(code: &'a str, kind: &str) -> &'a str {
    let Some((_, rest)) = code.split_once(&format!("    Type: {kind}\n")) else {
        return "";
    };
    entry(rest)
}

/// The text up to the next entry at a resource's depth.
fn entry(rest: &str) -> &str {
    let end = rest
        .match_indices('\n')
        .find(|(at, _)| rest[at + 1..].starts_with("  ") && !rest[at + 1..].starts_with("   "));
    end.map_or(rest, |(at, _)| &rest[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
          - Sid: Services
            Effect: Allow
            Principal: {Service: [sns.amazonaws.com, events.amazonaws.com, cloudwatch.amazonaws.com]}
            # Condition: none
            Action: [kms:Decrypt, kms:GenerateDataKey]
  Next:
    Type: AWS::SNS::Topic
    Condition: InVpc
";

    #[test]
    fn a_service_that_cannot_use_the_key_is_found() {
        assert_eq!(template_violations(KEY), Vec::<String>::new());
        for service in ["sns", "events", "cloudwatch"] {
            let without = KEY.replace(&format!("{service}.amazonaws.com"), "x");
            assert_eq!(template_violations(&without).len(), 1, "{service}");
        }
        assert_eq!(template_violations(&KEY.replace("kms:GenerateDataKey", "x")).len(), 3);
    }

    const ALARMS: &str = "Resources:
  Handler:
    Properties:
          OWN_NAMES: !Join
            - - !Sub ${AWS::StackName}-function
              - !Sub ${AWS::StackName}-throttles
  AlertTopicPolicy:
    Properties:
                aws:SourceArn:
                  - !Sub arn:${AWS::Partition}:cloudwatch:x:alarm:${AWS::StackName}-errors
  AlarmTopicPolicy:
    Properties:
                aws:SourceArn:
                  - !Sub arn:${AWS::Partition}:cloudwatch:x:alarm:${AWS::StackName}-errors
  DeadLetterTopicPolicy:
    Properties:
                aws:SourceArn:
                  - !Sub arn:${AWS::Partition}:cloudwatch:x:alarm:${AWS::StackName}-throttles
  Errors:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub ${AWS::StackName}-errors
      AlarmActions: [!Ref AlertTopic, !Ref AlarmTopic]
  Throttles:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub ${AWS::StackName}-throttles
      AlarmActions: [!Ref DeadLetterTopic]
";

    #[test]
    fn an_alarm_that_may_not_publish_to_its_topic_is_found() {
        assert_eq!(alarm_violations(ALARMS), Vec::<String>::new());
        let moved = ALARMS.replace("[!Ref DeadLetterTopic]", "[!Ref AlertTopic, !Ref AlarmTopic]");
        let unheard = alarm_violations(&moved);
        assert!(
            unheard.join("").contains("AlertTopicPolicy does not let the alarm throttles"),
            "{unheard:?}"
        );
        assert!(unheard.join("").contains("DeadLetterTopicPolicy names throttles"), "{unheard:?}");
        let foreign = alarm_violations(
            &ALARMS.replace("AlarmName: !Sub ${AWS::StackName}-errors", "AlarmName: errors"),
        );
        assert_eq!(foreign.len(), 3, "a foreign name, and names that are no alarm: {foreign:?}");
    }

    #[test]
    fn an_alarm_that_a_filter_policy_would_hold_back_is_found() {
        let found = alarm_violations(&ALARMS.replace(", !Ref AlarmTopic", ""));
        assert!(
            found.join("").contains("the alarm errors does not reach subscribers that filter"),
            "{found:?}"
        );
    }

    #[test]
    fn concurrency_is_reserved_for_deliveries_only() {
        let reserved = "      ReservedConcurrentExecutions: 5\n  Next:\n";
        let of = |function: &str| template_violations(&format!("{KEY}  {function}:\n{reserved}"));
        assert_eq!(of("Secret2EksFunction"), Vec::<String>::new());
        assert_eq!(of("RotationFunction").len(), 1);
    }

    #[test]
    fn a_topic_policy_that_sns_refuses_is_found() {
        let policy = |topics: &str, resource: &str| {
            format!(
                "  P:\n    Type: AWS::SNS::TopicPolicy\n    Properties:\n      Topics: [{topics}]\n          {resource}\n"
            )
        };
        let of = |topics: &str, resource: &str| topic_policy_violations(&policy(topics, resource)).len();
        assert_eq!(of("!Ref A", "Resource: !Ref A"), 0);
        assert_eq!(of("!Ref A, !Ref B", "Resource: !Ref A"), 1);
        assert_eq!(of("!Ref A", "Resource: [!Ref A, !Ref B]"), 1);
        assert_eq!(of("!Ref A", "Resource:"), 1);
    }

    #[test]
    fn a_prefix_in_the_place_of_names_and_an_alarm_that_the_handler_does_not_know_are_found() {
        let prefix = ALARMS.replace("alarm:${AWS::StackName}-throttles", "alarm:${AWS::StackName}-*");
        assert_eq!(alarm_violations(&prefix).len(), 2, "not heard, and no alarm");
        let unknown = alarm_violations(&ALARMS.replace("- !Sub ${AWS::StackName}-throttles", "- x"));
        assert_eq!(unknown, [format!("{TEMPLATE}: OWN_NAMES does not name the alarm throttles")]);
    }

    #[test]
    fn a_condition_that_denies_eventbridge_is_found() {
        let found = template_violations(&KEY.replace("# Condition", "Condition")).join("");
        assert!(found.contains("events.amazonaws.com"), "{found}");
    }
}
