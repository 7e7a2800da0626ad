//! Rotations that succeed.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};

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
        ensure!(cloud.notices.about(&app.arn).await?.is_empty());
        Ok(())
    })
}
