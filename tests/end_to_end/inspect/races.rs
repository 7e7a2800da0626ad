//! Inspections while rotations run. What is normal then is no finding.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;

use super::{inspect, kinds};

#[test]
fn no_inspection_during_a_rotation_reports_what_the_rotation_is_about_to_finish() -> Result<()> {
    on_the_cloud(async |cloud| {
        for strategy in ["alternating", "single"] {
            let changes = json!({"rotationStrategy": strategy});
            let app = cloud.create_app_with(&name("meanwhile"), &changes).await?;
            cloud.rotate_successfully(&app.arn).await?;
            let arn = app.arn.clone();
            let rotations = tokio::spawn(async move {
                for _ in 0..3 {
                    cloud.rotate_successfully(&arn).await?;
                }
                anyhow::Ok(())
            });
            let mut inspections = 0;
            while !rotations.is_finished() || inspections == 0 {
                let seen = inspect(cloud, &app.arn).await?;
                ensure!(kinds(&seen).is_empty(), "{strategy}: {seen:#}");
                inspections += 1;
            }
            rotations.await??;
        }
        Ok(())
    })
}
