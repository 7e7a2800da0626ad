//! Hostile answers: each answer is read in the type of each request, as [`ManagementApi`] reads it.

use hostile::{Report, Target, canary};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;
use crate::management_api::answers::{
    Connection, ConnectionDetails, Overview, Permission, TopicPermission, TrackedConnection, User,
    VhostLimits, grants,
};

fn documents() -> Vec<String> {
    let user = json!({"name": "payment", "tags": ["management", "secret-0011223344556677"], "limits": {"max-connections": 20},
        "hashing_algorithm": "rabbit_password_hashing_sha256", "password_hash": canary::PASSWORD});
    let connection = json!({"name": "10.0.0.1:51514 -> 10.0.0.2:5671", "connected_at": 1_900_000_000_000_i64, "vhost": "/",
        "state": "running", "timeout": 60, "user_provided_name": "payment",
        "recv_oct_details": {"rate": 0.0, "samples": [{"sample": 8, "timestamp": 1_900_000_000_000_u64}]}});
    let documents = [
        user.clone(),
        json!({"name": "payment", "tags": "management,monitoring"}),
        json!([{"user": "payment", "vhost": "/", "configure": "", "write": "^orders$", "read": ".*"}]),
        json!([{"user": "payment", "vhost": "/", "exchange": "amq.topic", "write": "^a", "read": "^b"}]),
        json!([connection]),
        connection,
        json!({"rabbitmq_version": "4.0.5", "cluster_name": "rabbit@b"}),
        json!([{"vhost": "/", "value": {"max-connections": 100}}, {"vhost": "x", "value": []}]),
        json!({"error": "not_authorized", "reason": format!("Login failed: {}", canary::PASSWORD)}),
        json!({"error": "bad_request", "reason": user.to_string()}),
    ];
    documents.iter().map(ToString::to_string).chain(["<html>503</html>".to_owned(), String::new()]).collect()
}

fn is_read<T: DeserializeOwned>(body: &str) -> bool {
    serde_json::from_slice::<T>(body.as_bytes()).is_ok()
}

#[test]
fn hostile_input_management_answers_are_read_or_refused_without_what_they_say() {
    let target = Target::of("management-answers", &["the broker", "the user", "the answer"]);
    hostile::run(&target, &documents(), |body: &String| {
        let read = [
            is_read::<Vec<Permission>>(body),
            is_read::<Vec<TopicPermission>>(body),
            is_read::<Vec<Connection>>(body),
            is_read::<Vec<TrackedConnection>>(body),
            is_read::<ConnectionDetails>(body),
            is_read::<Overview>(body),
        ];
        let limits: Vec<VhostLimits> = serde_json::from_str(body).unwrap_or_default();
        let limits: Vec<_> = limits.iter().map(|limits| limits.of("max-connections")).collect();
        // As if each status had come with this body.
        let statuses = [200, 400, 401, 404, 409, 429, 500, 503].map(StatusCode::from_u16);
        let failures = statuses.into_iter().flatten().map(|status| failure_of(status, body.as_bytes()));
        let report = Report::accepted(&(read, limits.len()));
        let report = failures.fold(report, |report, failure| report.and_error(&failure));
        match serde_json::from_str::<User>(body) {
            Ok(mut user) => {
                let stored = user.take_password();
                let is_it = stored.is(&contract::Password::new("other".to_owned()));
                let has = user.has_tag("administrator");
                let found = grants(user, Vec::new(), Vec::new());
                report.and(&(is_it, has, found.tags.len()))
            }
            Err(_) => Report { refused: !read.contains(&true), ..report },
        }
    });
}

#[test]
fn a_code_of_the_broker_is_quoted_only_if_it_is_a_word() {
    let long = "x".repeat(1_000);
    for (code, expected) in [
        (json!("bad_request"), "bad_request"),
        (json!("Object Not Found"), "an unknown code"),
        (json!(canary::PASSWORD), "an unknown code"),
        (json!(long), "an unknown code"),
        (json!(""), "an unknown code"),
        (json!(7), "no code"),
    ] {
        let failure =
            failure_of(StatusCode::INTERNAL_SERVER_ERROR, json!({"error": code}).to_string().as_bytes());
        assert!(failure.to_string().contains(&format!("({expected})")), "{code}: {failure}");
    }
}
