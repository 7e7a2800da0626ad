//! Hostile events of deployments. See the crate `hostile`.

use broker_user::event::{Work, parse, secret_hint};
use hostile::{Report, Target, canary};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
/// Parts of every error of `EventError`.
const NAMES: &[&str] = &[
    "` must be ",
    "` is no property",
    "the event is not a JSON object",
    "the event must have `RequestType`",
];

fn properties() -> Value {
    json!({"ServiceToken": "arn:aws:lambda:x", "SecretArn": ARN, "Username": "payment", "Broker": "b-1234",
        "Permissions": [{"Vhost": "shop", "Configure": "", "Write": "^orders$", "Read": ".*"}],
        "TopicPermissions": [{"Vhost": "shop", "Exchange": "amq.topic", "Write": "^a", "Read": "^b"}],
        "Limits": {"MaxConnections": "20", "MaxChannels": 100}, "Tags": ["management"]})
}

fn documents() -> Vec<Value> {
    let url = format!("https://x.s3.eu-central-1.amazonaws.com/y?Signature={}&Expires=1", canary::TOKEN);
    let request = |kind: &str| {
        json!({"RequestType": kind, "ResponseURL": url, "StackId": "arn:aws:cloudformation:x", "RequestId": "r-1",
            "LogicalResourceId": "User", "PhysicalResourceId": "b-1234/payment", "ResourceType": "Custom::BrokerUser",
            "ResourceProperties": properties(), "OldResourceProperties": properties()})
    };
    let mut terraform = properties();
    terraform["tf"] = json!({"action": "update", "prev_input": properties()});
    let mut ensure = properties();
    ensure["Action"] = json!("ensureUser");
    for event in [&mut terraform, &mut ensure] {
        if let Some(fields) = event.as_object_mut() {
            fields.remove("ServiceToken");
        }
    }
    let mut with_a_password = ensure.clone();
    with_a_password["Password"] = json!(canary::PASSWORD);
    vec![request("Create"), request("Update"), request("Delete"), terraform, ensure, with_a_password]
}

#[test]
fn hostile_input_broker_user_events_are_refused_by_the_name_of_a_field() {
    hostile::run(&Target::of("broker-user-events", NAMES), &documents(), |event| {
        let hint = secret_hint(event).map(str::len);
        assert!(hint.is_none_or(|length| length <= 2_048), "the hint is too long");
        match parse(event, Some("127.0.0.1:4566")) {
            Err(error) => Report::refused(&error),
            Ok(request) => match &request.work {
                Err(error) => Report::refused(error).and(&request.envelope),
                Ok(Work::Ensure { wanted, .. }) => {
                    Report::accepted(&wanted.identity.physical_id()).and(&request)
                }
                Ok(work) => Report::accepted(work).and(&request.envelope),
            },
        }
    });
}
