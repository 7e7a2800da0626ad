//! SecOps adopts the other user of the pair.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud};
use testbed::schema::valid;

use crate::support::{converged, failed_once};

const PASSWORD: &str = "a-password-of-somebody-else";

fn adopt(app: &App, user: &str) -> Value {
    json!({"Action": "adopt", "SecretId": app.arn, "User": user, "By": "Ada", "Reason": "ticket 7"})
}

/// A secret whose pair has an existing other user with these tags, and a client that is connected as that user.
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
fn only_a_user_that_needs_it_is_adopted_and_no_administrator() -> Result<()> {
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

/// The state after the secret was created again with its name, or after the broker's definitions came from another
/// account.
async fn marked_for_another(cloud: &Cloud, user: &str, password: &Value) -> Result<()> {
    let password = password.as_str().unwrap_or_default();
    cloud.broker.management()?.create_user(user, password, &["secret-0123456789abcdef"]).await
}

#[test]
fn a_pair_whose_users_both_carry_another_mark_is_adopted_one_after_the_other_and_nobody_loses_a_login()
-> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("both-marked")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let (current, previous) =
            (cloud.value(&app.arn, "AWSCURRENT").await?, cloud.value(&app.arn, "AWSPREVIOUS").await?);
        for value in [&current, &previous] {
            let user = value["username"].as_str().unwrap_or_default();
            marked_for_another(cloud, user, &value["password"]).await?;
        }
        let active = current["username"].as_str().unwrap_or_default();
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let taken = cloud.step(&app.arn, &version, "setSecret").await?;
        ensure!(taken.kind() == "pair.taken", "{taken:?}");
        cloud.act(&adopt(&app, &app.user)).await?.value()?;
        let taken = cloud.step(&app.arn, &version, "setSecret").await?;
        ensure!(taken.kind() == "pair.taken" && format!("{taken:?}").contains(active), "{taken:?}");
        let answer = cloud.act(&adopt(&app, active)).await?.value()?;
        ensure!(answer["wasMarkedFor"] == json!(["secret-0123456789abcdef"]), "{answer}");
        ensure!(cloud.logs_in(&current).await?, "the current login was lost");
        ensure!(cloud.act(&adopt(&app, active)).await?.value()?["wasOwn"] == true);
        cloud.steps(&app.arn, &version).await?;
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn a_single_user_with_another_mark_is_adopted_when_its_login_works_and_not_otherwise() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("marked"), &json!({"rotationStrategy": "single"})).await?;
        let management = cloud.broker.management()?;
        marked_for_another(cloud, &app.user, &json!("another-password")).await?;
        let before = management.user(&app.user).await?;
        let answer = cloud.act(&adopt(&app, &app.user)).await?;
        ensure!(answer.kind() == "adopt.refused" && format!("{answer:?}").contains("refuses"), "{answer:?}");
        ensure!(management.user(&app.user).await? == before, "a refused adoption changed the user");
        let current = cloud.value(&app.arn, "AWSCURRENT").await?;
        marked_for_another(cloud, &app.user, &current["password"]).await?;
        cloud.act(&adopt(&app, &app.user)).await?.value()?;
        cloud.rotate_successfully(&app.arn).await?;
        let clone = format!("{}_clone", app.user);
        management.create_user(&clone, PASSWORD, &[]).await?;
        let answer = cloud.act(&adopt(&app, &clone)).await?;
        ensure!(answer.kind() == "adopt.refused" && format!("{answer:?}").contains("single"), "{answer:?}");
        Ok(())
    })
}
