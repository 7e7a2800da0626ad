//! Hostile records of the table. The functions write them, but a person with access to the table may do so, too. See the
//! crate `hostile`.

use contract::InspectionMemory;
use hostile::{Report, Target};
use rotation_watch::watched::Memory;
use serde_json::{Value, json};

fn documents() -> Vec<Value> {
    vec![
        json!({"arn": "arn", "current": {"id": "v1", "createdAt": "2026-11-25T03:00:00Z"}, "told": {"secret.overdue": "2026-11-25"}}),
        json!({"arn": "arn", "versionId": "v1", "inspectedAt": "2026-11-25T03:00:00Z", "findings": []}),
        json!({}),
    ]
}

#[test]
fn hostile_input_watch_records_are_parsed_without_a_panic() {
    hostile::run(&Target::public("watch-records", &[]), &documents(), |value| {
        let text = value.to_string();
        let read = serde_json::from_str::<Memory>(&text).is_ok();
        Report::accepted(&(read, serde_json::from_str::<InspectionMemory>(&text).is_ok()))
    });
}
