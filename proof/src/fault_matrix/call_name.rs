//! The names of calls, which are the same for every user and secret. Pure.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use testbed::fault_proxy::Call;

use super::place::Place;

/// The names that differ between rotations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The user in AWSCURRENT when the rotation begins.
    pub active: String,
    /// The other user of the pair.
    pub inactive: String,
    /// The rotated secret's ARN.
    pub secret: String,
}

/// The call's name.
#[must_use]
pub fn call_name(place: Place, call: &Call, names: &Names) -> String {
    match place {
        Place::RotationAws | Place::DeliveryAws | Place::HandlerAws => aws(call, names),
        Place::Management => management(call, names),
        Place::Notices | Place::Alerts => call.operation(),
        Place::Kubernetes => kubernetes(&call.method, &call.path),
        Place::Amqps => LOGIN.to_owned(),
    }
}

/// The only call over AMQPS.
pub const LOGIN: &str = "login";

fn aws(call: &Call, names: &Names) -> String {
    if call.target.is_none() {
        return rest_operation(&call.method, &call.path);
    }
    let body: Value = serde_json::from_slice(call.body()).unwrap_or_default();
    // An item of the incident table: it is read by its key, or written whole.
    if let Some(area) = [&body["Key"], &body["Item"]].into_iter().find_map(|item| item["area"]["S"].as_str())
    {
        return format!("{} {area}", call.operation());
    }
    if body["SecretId"].is_null() {
        return call.operation();
    }
    let whose = if body["SecretId"] == names.secret.as_str() { "secret" } else { "admin secret" };
    match body["VersionStage"].as_str() {
        Some(stage) => format!("{} {whose} {stage}", call.operation()),
        None => format!("{} {whose}", call.operation()),
    }
}

/// A request of a REST service of AWS does not contain the operation.
fn rest_operation(method: &str, path: &str) -> String {
    if path.starts_with("/v1/brokers/") {
        "DescribeBroker".to_owned()
    } else if path.starts_with("/clusters/") {
        "DescribeCluster".to_owned()
    } else if path.contains("/invocations") {
        "Invoke".to_owned()
    } else {
        format!("{method} {path}")
    }
}

fn management(call: &Call, names: &Names) -> String {
    let path = call.path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> =
        path.split('/').map(|segment| role(segment, names).unwrap_or(segment)).collect();
    let path = segments.join("/");
    let login = call.header("authorization").and_then(basic_user).unwrap_or_default();
    match role(&login, names) {
        Some(role) => format!("{} {path} as {role}", call.method),
        None => format!("{} {path}", call.method),
    }
}

fn role(user: &str, names: &Names) -> Option<&'static str> {
    if user == names.active {
        Some("ACTIVE")
    } else if user == names.inactive {
        Some("INACTIVE")
    } else {
        None
    }
}

fn basic_user(header: &str) -> Option<String> {
    let decoded = BASE64_STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(user, _)| user.to_owned())
}

fn kubernetes(method: &str, path: &str) -> String {
    let what = if path.contains("/externalsecrets/") { "ExternalSecret" } else { "Namespace" };
    format!("{method} {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rest_calls_and_of_the_cluster_hold_nothing_of_one_run() {
        for (method, path, name) in [
            ("GET", "/v1/brokers/b-1234", "DescribeBroker"),
            ("GET", "/clusters/testbed", "DescribeCluster"),
            ("POST", "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations", "Invoke"),
            ("GET", "/v2/other", "GET /v2/other"),
        ] {
            assert_eq!(rest_operation(method, path), name);
        }
        let object = "/apis/external-secrets.io/v1/namespaces/proof/externalsecrets/proof0?force=true";
        assert_eq!(kubernetes("PATCH", object), "PATCH ExternalSecret");
        assert_eq!(kubernetes("GET", "/api/v1/namespaces/proof"), "GET Namespace");
    }

    #[test]
    fn users_are_named_by_their_role() {
        let names = Names { active: "a".to_owned(), inactive: "a_clone".to_owned(), secret: String::new() };
        assert_eq!(role("a_clone", &names), Some("INACTIVE"));
        assert_eq!(role("a", &names), Some("ACTIVE"));
        assert_eq!(role("users", &names), None);
        // user:password
        assert_eq!(basic_user("Basic YV9jbG9uZTpwYXNz").as_deref(), Some("a_clone"));
    }
}
