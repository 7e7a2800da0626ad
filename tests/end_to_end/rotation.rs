//! Rotations that succeed.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};

use crate::support::{converged, current_logs_in, mark_of};

#[test]
fn twenty_rotations_in_a_row_alternate_and_old_and_new_credentials_log_in_each_time() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("twenty")).await?;
        let clone = format!("{}_clone", app.user);
        let management = cloud.broker.management()?;
        for turn in 0..20 {
            let before = cloud.value(&app.arn, "AWSCURRENT").await?;
            let version = cloud.rotate_successfully(&app.arn).await?;
            let now = cloud.value(&app.arn, "AWSCURRENT").await?;
            let expected = if turn % 2 == 0 { &clone } else { &app.user };
            ensure!(now["username"] == expected.as_str(), "rotation {turn}: {}", now["username"]);
            ensure!(cloud.version(&app.arn, "AWSCURRENT").await?.as_deref() == Some(version.as_str()));
            ensure!(cloud.logs_in(&now).await?, "rotation {turn}: the new credentials do not log in");
            ensure!(cloud.logs_in(&before).await?, "rotation {turn}: the old credentials do not log in");
            ensure!(
                management.grants(&app.user).await? == management.grants(&clone).await?,
                "rotation {turn}"
            );
        }
        let notices = cloud.notices.about(&app.arn).await?;
        ensure!(notices.is_empty(), "{notices:?}");
        Ok(())
    })
}

#[test]
fn a_version_whose_login_does_not_work_is_neither_tested_well_nor_promoted() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("unpromoted")).await?;
        let before = cloud.version(&app.arn, "AWSCURRENT").await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            cloud.step(&app.arn, &version, step).await?.value()?;
        }
        // Somebody resets the user between two steps.
        let clone = format!("{}_clone", app.user);
        let mark = mark_of(cloud, &clone).await?;
        cloud.broker.management()?.create_user(&clone, "another password", &[&mark]).await?;
        for step in ["testSecret", "finishSecret"] {
            let answer = cloud.step(&app.arn, &version, step).await?;
            ensure!(answer.kind() == "pending.login_refused", "{step}: {answer:?}");
            ensure!(cloud.version(&app.arn, "AWSCURRENT").await? == before, "{step} promoted it");
        }
        current_logs_in(cloud, &app.arn).await?;
        cloud.steps(&app.arn, &version).await?;
        converged(cloud, &app.user, &app.arn, &version).await
    })
}
