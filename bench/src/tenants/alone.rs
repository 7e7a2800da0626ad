//! secret2eks in processes of this program, among all secrets, with the smallest and the largest share of a core.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use testbed::cloud::Cloud;

use super::shape::Shape;
use crate::delivery::{as_secret2eks, aws};
use crate::figures::Invocations;
use crate::functions::{self, Work};
use crate::plan::Plan;
use crate::program::Program;
use crate::release::Release;

/// Of each kind: a warm process and a new one, with each share.
const DELIVERIES: usize = 10;
/// A reconcile of 10,000 secrets takes half a minute.
const RECONCILES: usize = 1;
/// Lambda's longest. The template's limit would cut a slow run, and then there would be no figure.
const TIME_LIMIT: Duration = Duration::from_secs(900);
/// The rule by which a moved label invokes the deployed secret2eks.
const RULE: &str = "CurrentVersionChanged";

/// Deliveries, and reconciles with nothing to do. The deployed function receives no event from now on.
pub async fn measure(
    cloud: &Cloud,
    release: &Release,
    plan: &Plan<'_>,
    shape: Shape,
) -> Result<(Vec<Invocations>, Vec<Invocations>)> {
    aws(cloud, &["events", "disable-rule", "--name", cloud.stack.resource(RULE)?]).await?;
    let mut delivers = as_secret2eks(cloud).await?;
    delivers.timeout = TIME_LIMIT;
    let program = Program::of_rust("secret2eks", &release.program("secret2eks"), &delivers, cloud.folder());
    let mut next = 0;
    let events = async || {
        let (arn, version) = shape.change(cloud, next % shape.secrets).await?;
        next += 1;
        anyhow::Ok(json!({"secretArn": arn, "versionId": version, "attempt": 1}))
    };
    let work = Work { program: &program, what: "one delivery", events };
    let deliveries = functions::measure(work, &Plan { rotations: DELIVERIES, ..*plan }).await?;
    let events = async || anyhow::Ok(json!({"Action": "reconcile"}));
    let what = format!("a reconcile of {} secrets, nothing to do", shape.secrets);
    let work = Work { program: &program, what: &what, events };
    let reconciles = functions::measure(work, &Plan { rotations: RECONCILES, ..*plan }).await?;
    Ok((deliveries, reconciles))
}
