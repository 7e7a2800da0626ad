//! The permission to rotate does not include the permission to revoke.

use anyhow::{Result, ensure};
use end_to_end::on_the_cloud;
use serde_json::json;

use super::{leaked_and_rotated, revoke};
use crate::support::failed_once;

#[test]
fn a_role_that_may_rotate_cannot_revoke_because_each_function_refuses_the_events_of_the_other() -> Result<()>
{
    on_the_cloud(async |cloud| {
        let (app, leaked, value) = leaked_and_rotated(cloud, "two-functions", &json!({})).await?;
        let mut forced = revoke(&app, &leaked);
        forced["force"] = json!(true);
        let answer = cloud.invoke(&forced).await?;
        failed_once(cloud, &app.arn, &answer, "event.invalid", "IncidentFunctionName").await?;
        ensure!(cloud.logs_in(&value).await?, "the function that rotates has revoked");
        let pending = cloud.begin_rotation(&app.arn).await?;
        let step = json!({"Step": "createSecret", "SecretId": app.arn, "ClientRequestToken": pending});
        let answer = cloud.act(&step).await?;
        ensure!(answer.kind() == "event.invalid", "{answer:?}");
        ensure!(format!("{answer:?}").contains("RotationFunctionName"), "{answer:?}");
        ensure!(cloud.value(&app.arn, "AWSPENDING").await.is_err(), "the function for incidents has rotated");
        Ok(())
    })
}

#[test]
fn who_revokes_and_why_is_in_the_log_the_answer_and_the_notice() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, leaked, _) = leaked_and_rotated(cloud, "asked", &json!({})).await?;
        let (by, reason) = (format!("ada-{}", app.user), "ticket \"7\"");
        let mut event = revoke(&app, &leaked);
        (event["By"], event["Reason"]) = (json!(by), json!(reason));
        let answer = cloud.act(&event).await?.value()?;
        ensure!(answer["by"] == by.as_str() && answer["reason"] == reason, "{answer}");
        let log = cloud.aws.function_log(cloud.incident_function()?)?.join("\n");
        ensure!(log.contains(&by), "the log does not name who asked");
        event["VersionId"] = json!(cloud.version(&app.arn, "AWSCURRENT").await?);
        let answer = cloud.act(&event).await?;
        let notice = failed_once(cloud, &app.arn, &answer, "revoke.refused", "AWSCURRENT").await?;
        ensure!(notice["message"].as_str().is_some_and(|text| text.contains(&by)), "{notice}");
        Ok(())
    })
}
