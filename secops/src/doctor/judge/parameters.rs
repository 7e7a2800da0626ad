//! Parameters of the stack that contradict each other. CloudFormation accepts them, and the functions fail later.

use crate::aws::cloudformation::Stack;
use crate::doctor::check::Check;
use crate::doctor::facts::Unseen;
use crate::doctor::report::Row;

const CHECK: Check = Check::StackParameters;
const FIX: &str = "Update the stack with other values: docs/src/configuration.md#parameters-of-the-stack.";

pub(super) fn rows(stack: Result<&Stack, &Unseen>) -> Vec<Row> {
    // A stack that is not known has its row already.
    let Ok(stack) = stack else { return Vec::new() };
    let rows = contradictions(&|name| stack.parameter(name).unwrap_or_default());
    if rows.is_empty() { vec![Row::ok(CHECK, "no contradiction")] } else { rows }
}

fn contradictions<'a>(value: &impl Fn(&str) -> &'a str) -> Vec<Row> {
    let mut rows = Vec::new();
    let (secrets, admins) = (value("SecretNamePrefix"), value("AdminSecretNamePrefix"));
    if !secrets.is_empty()
        && !admins.is_empty()
        && (secrets.starts_with(admins) || admins.starts_with(secrets))
    {
        let seen = format!(
            "`{secrets}` and `{admins}`: one begins with the other, so every function refuses its start"
        );
        rows.push(broken("SecretNamePrefix", seen));
    }
    let (rotate, admin) = (value("RotationTagValue"), value("AdminTagValue"));
    if !rotate.is_empty() && rotate == admin {
        let seen = format!("`{rotate}` is also AdminTagValue, so every admin secret counts as rotated");
        rows.push(broken("RotationTagValue", seen));
    }
    let (bundle, layer) = (value("BrokerCaBundle"), value("BrokerCaLayerArn"));
    if bundle.starts_with("/opt/") && layer.is_empty() {
        let seen = format!("`{bundle}` is in a layer, and BrokerCaLayerArn names none");
        rows.push(broken("BrokerCaBundle", seen));
    }
    if bundle.is_empty() && !layer.is_empty() {
        rows.push(warning("BrokerCaLayerArn", "the layer is not used, because BrokerCaBundle is empty"));
    }
    if value("SubnetIds").is_empty() != value("SecurityGroupIds").is_empty() {
        rows.push(broken("SubnetIds", "SubnetIds and SecurityGroupIds must both be set, or neither"));
    }
    let cluster = value("EksClusterName");
    if !cluster.is_empty() && !value("Secret2EksFunctionArn").is_empty() {
        rows.push(broken("Secret2EksFunctionArn", "EksClusterName is set, too: two functions would deliver"));
    }
    if !cluster.is_empty() {
        rows.extend(of_deliveries(value));
    }
    rows.extend(of_broker_users(secrets, value("BrokerUserSecretPrefixes")));
    if more_than(value("WatchSchedule"), 24 * 60) {
        let seen = format!("`{}`: owners are notified once a day at most", value("WatchSchedule"));
        rows.push(warning("WatchSchedule", seen));
    }
    rows
}

fn of_deliveries<'a>(value: &impl Fn(&str) -> &'a str) -> Vec<Row> {
    let mut rows = Vec::new();
    let seconds = |name: &str| value(name).parse::<u64>().ok();
    let times = (seconds("SyncTimeoutSeconds"), seconds("DeliveryTimeoutSeconds"));
    if let (Some(sync), Some(delivery)) = times
        && sync >= delivery
    {
        let seen = format!(
            "{delivery} s for a delivery that waits {sync} s for the operator (SyncTimeoutSeconds): it ends without a reason"
        );
        rows.push(broken("DeliveryTimeoutSeconds", seen));
    }
    if more_than(value("ReconcileSchedule"), 60) {
        let seen =
            format!("`{}`: what a lost event left out is repaired so late", value("ReconcileSchedule"));
        rows.push(warning("ReconcileSchedule", seen));
    }
    rows
}

/// A prefix that no secret of the stack can have.
fn of_broker_users(secrets: &str, prefixes: &str) -> Vec<Row> {
    let listed = prefixes.split(',').filter(|prefix| !prefix.is_empty());
    let useless = listed.filter(|prefix| !prefix.starts_with(secrets) && !secrets.starts_with(prefix));
    let row = |prefix| {
        let seen = format!("no secret of the stack begins with `{prefix}` (SecretNamePrefix is `{secrets}`)");
        warning("BrokerUserSecretPrefixes", seen)
    };
    useless.map(row).collect()
}

/// Whether a `rate()` is rarer than once in `minutes`. A `cron()` is not read.
fn more_than(schedule: &str, minutes: u64) -> bool {
    let inside = schedule.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let Some((number, unit)) = inside.and_then(|inside| inside.split_once(' ')) else { return false };
    let factor = match unit.trim_end_matches('s') {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        _ => return false,
    };
    number.parse::<u64>().is_ok_and(|number| number.saturating_mul(factor) > minutes)
}

fn broken(parameter: &str, seen: impl Into<String>) -> Row {
    Row::broken(CHECK, seen, FIX).of(parameter)
}

fn warning(parameter: &str, seen: impl Into<String>) -> Row {
    Row::warning(CHECK, seen, FIX).of(parameter)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::doctor::report::State::{Broken, Warning};

    const DEFAULTS: [(&str, &str); 9] = [
        ("SecretNamePrefix", "rabbitmq/"),
        ("AdminSecretNamePrefix", "rabbitmq-admin/"),
        ("RotationTagValue", "rotate"),
        ("AdminTagValue", "admin"),
        ("SyncTimeoutSeconds", "60"),
        ("DeliveryTimeoutSeconds", "120"),
        ("ReconcileSchedule", "rate(15 minutes)"),
        ("WatchSchedule", "cron(0 6 * * ? *)"),
        ("BrokerUserSecretPrefixes", ""),
    ];

    #[test]
    fn each_contradiction_names_its_parameter() {
        let cluster = ("EksClusterName", "shop");
        for (changes, expected) in [
            (vec![], None),
            (vec![cluster], None),
            (vec![("AdminSecretNamePrefix", "rabbitmq/admin/")], Some((Broken, "SecretNamePrefix"))),
            (vec![("AdminSecretNamePrefix", "rabbit")], Some((Broken, "SecretNamePrefix"))),
            (vec![("AdminTagValue", "rotate")], Some((Broken, "RotationTagValue"))),
            (vec![("BrokerCaBundle", "/opt/ca.pem")], Some((Broken, "BrokerCaBundle"))),
            (vec![("BrokerCaBundle", "/opt/ca.pem"), ("BrokerCaLayerArn", "arn")], None),
            (vec![("BrokerCaBundle", "/etc/ca.pem")], None),
            (vec![("BrokerCaLayerArn", "arn")], Some((Warning, "BrokerCaLayerArn"))),
            (vec![("SubnetIds", "subnet-1")], Some((Broken, "SubnetIds"))),
            (vec![("SubnetIds", "subnet-1"), ("SecurityGroupIds", "sg-1")], None),
            (vec![cluster, ("Secret2EksFunctionArn", "arn")], Some((Broken, "Secret2EksFunctionArn"))),
            (vec![("DeliveryTimeoutSeconds", "60")], None),
            (vec![cluster, ("DeliveryTimeoutSeconds", "60")], Some((Broken, "DeliveryTimeoutSeconds"))),
            (vec![cluster, ("ReconcileSchedule", "rate(1 hour)")], None),
            (vec![cluster, ("ReconcileSchedule", "rate(2 hours)")], Some((Warning, "ReconcileSchedule"))),
            (vec![("WatchSchedule", "rate(1 day)")], None),
            (vec![("WatchSchedule", "rate(7 days)")], Some((Warning, "WatchSchedule"))),
            (vec![("BrokerUserSecretPrefixes", "rabbitmq/shop/,rabbitmq/")], None),
            (vec![("BrokerUserSecretPrefixes", "shop/")], Some((Warning, "BrokerUserSecretPrefixes"))),
        ] {
            let values: BTreeMap<&str, &str> = DEFAULTS.into_iter().chain(changes.clone()).collect();
            let rows = contradictions(&|name| values.get(name).copied().unwrap_or_default());
            let found: Vec<_> = rows.iter().map(|row| (row.state, row.subject.as_deref())).collect();
            let expected: Vec<_> =
                expected.into_iter().map(|(state, parameter)| (state, Some(parameter))).collect();
            assert_eq!(found, expected, "{changes:?}");
        }
    }
}
