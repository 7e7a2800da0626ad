//! The permissions of the role with which EventBridge Scheduler calls the functions and the queue.

use anyhow::{Result, ensure};
use end_to_end::alone_on_the_cluster;

use super::{Role, Unasked};
use crate::kubernetes::life::Suite;

const UNASKED: [Unasked<'_>; 1] = [("kms:", "", "SQS asks for them in the caller's name")];
/// One schedule for each target: a queue and two functions.
const SCHEDULES: [&str; 3] = ["HourlyLook", "DailyLook", "Reconcile"];

#[test]
fn every_permission_of_the_schedules_is_needed() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "schedule-rights").await?;
        let stack = &suite.variant.stack;
        let group = stack.resource("Schedules")?;
        let role = Role::of(cloud, stack, "SchedulerRole").await?;
        role.needs_each_of_its_rights(&UNASKED, async || {
            for schedule in SCHEDULES {
                let is_allowed = cloud.aws.run_schedule(group, stack.resource(schedule)?).await?;
                ensure!(is_allowed, "the role may not call the target of {schedule}");
            }
            Ok(())
        })
        .await
    })
}
