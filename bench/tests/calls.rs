//! How many calls a rotation makes. No time is asserted anywhere, but this number is: each call costs time on every
//! machine, and counts against a quota of AWS.
//!
//! It is a separate program with its own cloud, because it puts proxies before the cloud's broker.

use anyhow::{Result, ensure};
use bench::Calls;
use testbed::for_tests::start_cloud;

/// A call and how often the steps make it: create, set, test, finish.
type Row = (&'static str, [usize; 4]);

/// setSecret describes the secret again after its write: a late step of an abandoned rotation must not reset a user in use.
const AWS: &[Row] = &[
    ("DescribeSecret", [1, 2, 1, 1]),
    ("GetSecretValue", [2, 3, 3, 2]),
    ("PutSecretValue", [1, 0, 0, 0]),
    ("UpdateSecretVersionStage", [0, 0, 0, 1]),
];

/// setSecret's proof whose the two users are needs no call: the marks are among the tags that it reads anyway.
const BROKER: &[Row] = &[
    ("AMQPS login", [0, 0, 1, 1]),
    ("GET /api/connections/username/USER", [0, 1, 0, 0]),
    ("GET /api/users/USER", [0, 2, 1, 0]),
    ("GET /api/users/USER/permissions", [0, 2, 1, 0]),
    ("GET /api/users/USER/topic-permissions", [0, 2, 1, 0]),
    ("GET /api/whoami", [0, 1, 0, 0]),
    ("PUT /api/users/USER", [0, 1, 0, 0]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_makes_no_call_more_than_it_has_to() -> Result<()> {
    let cloud = start_cloud("calls").await?;
    let calls = Calls::count(&cloud).await?;
    for (found, expected) in [(calls.to_aws(), AWS), (calls.to_broker(), BROKER)] {
        let found: Vec<_> = found.iter().map(|(call, times)| (call.as_str(), *times)).collect();
        ensure!(found == expected, "found {found:#?}\nexpected {expected:#?}");
    }
    ensure!((calls.aws(), calls.management(), calls.logins()) == (17, 12, 2), "{calls:?}");
    Ok(())
}
