//! SecOps takes the pair's other user over.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud};

use crate::support::{converged, failed_once, valid};

const PASSWORD: &str = "a-password-of-somebody-else";

fn adopt(app: &App, user: &str) -> Value {
    json!({"Action": "adopt", "SecretId": app.arn, "User": user, "By": "Ada", "Reason": "ticket 7"})
}

/// A secret whose pair's other user exists already, with these tags, and somebody is connected as that user.
async fn taken(cloud: &Cloud, prefix: &str, tags: &[&str]) -> Result<(App, String)> {
    let app = cloud.create_app(&name(prefix)).await?;
    let clone = format!("{}_clone", app.user);
    let management = cloud.broker.management()?;
    management.create_user(&clone, PASSWORD, tags).await?;
    management.set_permissions(&clone, "/", ["", "", ""]).await?;
    Ok((app, clone))
}

#[test]
fn a_user_that_is_adopted_is_this_secret_s_and_the_secret_rotates() -> Result<()> {
    on_the_cloud(async |cloud| {
        let foreign = "secret-0123456789abcdef";
        let (app, clone) = taken(cloud, "adopted", &[foreign, "monitoring"]).await?;
        let connection = cloud.broker.amqps_login(&clone, PASSWORD, "/").await?;
        let listed = cloud.broker.management()?.connections_of(&clone).await?;
        let event = adopt(&app, &clone);
        valid("adopt-event", &event)?;
        let answer = cloud.act(&event).await?.value()?;
        ensure!(answer["user"] == clone.as_str() && answer["wasOwn"] == false, "{answer}");
        ensure!(answer["wasMarkedFor"] == json!([foreign]), "{answer}");
        ensure!(answer["by"] == "Ada" && answer["reason"] == "ticket 7", "{answer}");
        let connected = answer["connected"].to_string();
        ensure!(listed.iter().all(|name| connected.contains(name)), "{connected}: {listed:?}");
        ensure!(connection.status().connected(), "an adoption closes nothing");
        let value = json!({"username": clone, "password": PASSWORD});
        ensure!(!cloud.logs_in(&value).await?, "the former password still logs in");
        let user = cloud.broker.management()?.user(&clone).await?.unwrap_or_default();
        let tags = user["tags"].to_string();
        ensure!(!tags.contains(foreign) && tags.contains("secret-") && tags.contains("monitoring"), "{tags}");
        let again = cloud.act(&event).await?.value()?;
        ensure!(again["wasOwn"] == true, "{again}");
        let version = cloud.rotate_successfully(&app.arn).await?;
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn who_adopts_and_why_is_in_the_log() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, clone) = taken(cloud, "adopted-log", &[]).await?;
        let mut event = adopt(&app, &clone);
        event["By"] = json!(format!("ada-{}", app.user));
        cloud.act(&event).await?.value()?;
        let log = cloud.aws.function_log(cloud.incident_function()?)?.join("\n");
        let line = log
            .lines()
            .find(|line| line.contains(&format!("ada-{}", app.user)) && line.contains("is adopted"));
        ensure!(line.is_some_and(|line| line.contains("ticket 7") && line.contains("WARN")), "{line:?}");
        Ok(())
    })
}

#[test]
fn only_the_other_user_of_the_pair_is_adopted_and_no_administrator() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, clone) = taken(cloud, "not-adopted", &["administrator"]).await?;
        let (billing, absent) = (name("billing"), cloud.create_app(&name("absent")).await?);
        cloud.broker.management()?.create_user(&billing, PASSWORD, &[]).await?;
        let absent_clone = format!("{}_clone", absent.user);
        for (app, user, words) in [
            (&app, app.user.as_str(), "AWSCURRENT"),
            (&app, billing.as_str(), "not of this secret's pair"),
            (&app, clone.as_str(), "administrator"),
            (&absent, absent_clone.as_str(), "does not exist"),
        ] {
            let before = cloud.broker.management()?.user(user).await?;
            let answer = cloud.act(&adopt(app, user)).await?;
            ensure!(answer.kind() == "adopt.refused", "{answer:?}");
            ensure!(format!("{answer:?}").contains(words), "{words}: {answer:?}");
            ensure!(cloud.broker.management()?.user(user).await? == before, "`{user}` was changed");
        }
        let answer = cloud.act(&adopt(&absent, &absent.user)).await?;
        ensure!(answer.kind() == "adopt.refused", "{answer:?}");
        let mut event = adopt(&app, &clone);
        event["Reason"] = json!(null);
        let answer = cloud.act(&event).await?;
        ensure!(answer.kind() == "event.invalid", "{answer:?}");
        let billing_app = cloud.create_app(&name("rotates-no-adopt")).await?;
        let answer = cloud.invoke(&adopt(&billing_app, &clone)).await?;
        failed_once(cloud, &billing_app.arn, &answer, "event.invalid", "IncidentFunctionName").await?;
        Ok(())
    })
}
