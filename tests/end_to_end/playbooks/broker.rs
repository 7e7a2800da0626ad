//! Playbooks about a broker and its administrator.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::playbook::netrc;

use super::open;
use super::rotation::rotated;
use crate::support::current_logs_in;

#[test]
fn a_locked_out_admin_gets_in_again_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let admin = name("keeper");
        let management = cloud.broker.management()?;
        management.create_user(&admin, "the right password", &["administrator"]).await?;
        let value = |password: &str| json!({"username": admin, "password": password});
        let arn = cloud.create_admin(&admin, &value("the right password")).await?;
        let app = cloud.create_app_with(&name("kept"), &json!({"masterarn": arn})).await?;
        let mut wrong = cloud.value(&arn, "AWSCURRENT").await?;
        wrong["password"] = json!("a wrong password");
        cloud.secrets.put_secret_value().secret_id(&arn).secret_string(wrong.to_string()).send().await?;

        let mut page = open(cloud, "admin-locked-out.md")?;
        page.set("ADMIN", &arn);
        page.run().await?;
        let looked = page.run().await?;
        ensure!(looked.contains("\"not_authorized\"") && looked.contains("administrator"), "{looked}");
        page.run().await?;
        cloud.rotate_successfully(&app.arn).await?;

        // The other case: nobody has the broker's password.
        management.create_user(&admin, "what nobody knows", &["administrator"]).await?;
        let netrc = netrc(cloud, page.folder())?;
        page.set("NETRC", &netrc);
        page.run().await?;
        page.run().await?;
        cloud.rotate_successfully(&app.arn).await?;
        page.end()
    })
}

#[test]
fn a_lost_broker_gets_its_users_back_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("lost-page")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let management = cloud.broker.management()?;
        for user in [app.user.clone(), format!("{}_clone", app.user)] {
            management.delete_user(&user).await?;
        }
        let mut page = open(cloud, "broker-lost.md")?;
        page.set("BROKER", &cloud.broker_id);
        page.run().await?;
        ensure!(page.run().await?.contains("RUNNING"), "the state");
        let netrc = netrc(cloud, page.folder())?;
        page.set("SECRET", &app.arn);
        page.set("NETRC", &netrc);
        page.set("NEW_BROKER", &cloud.broker_id);
        page.run().await?;
        page.run().await?;
        for user in [app.user.clone(), format!("{}_clone", app.user)] {
            // The users come with the broker's definitions.
            management.set_permissions(&user, "/", ["", "^orders$", "^orders$"]).await?;
        }
        current_logs_in(cloud, &app.arn).await?;
        page.run().await?;
        page.run().await?;
        page.run().await?;
        rotated(cloud, &app).await?;
        page.end()
    })
}
