//! Keys of a secret that repeat its credentials, and keys that are similar to known ones.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::Cloud;

use crate::support::{failed_once, state_of};

/// The current value of the secret with additional keys. `extra` creates them from the user and the password.
async fn add(cloud: &Cloud, arn: &str, extra: impl Fn(&str, &str) -> Value) -> Result<()> {
    let mut value = cloud.value(arn, "AWSCURRENT").await?;
    let text = |key: &str| value[key].as_str().map(str::to_owned).with_context(|| format!("no {key}"));
    let extra = extra(&text("username")?, &text("password")?);
    for (key, new) in extra.as_object().into_iter().flatten() {
        value[key] = new.clone();
    }
    cloud.secrets.put_secret_value().secret_id(arn).secret_string(value.to_string()).send().await?;
    Ok(())
}

/// Checks that the credentials in the keys other than `username` and `password` log in as the user of AWSCURRENT.
async fn every_copy_logs_in(cloud: &Cloud, value: &Value) -> Result<()> {
    let user = value["username"].as_str().context("no username")?;
    let config: Value = serde_json::from_str(value["config"].as_str().context("no config")?)?;
    let uris = [&value["uri"], &value["left-behind"], &value["nodes"][0]["url"], &config["rabbit"]["url"]];
    for uri in uris {
        let uri = uri.as_str().context("no URI")?;
        ensure!(uri.contains(&format!("//{user}:")), "another user than `{user}`");
        ensure!(cloud.broker.accepts_uri(uri).await?, "a URI of `{user}` does not log in");
    }
    let basic = value["authorization"].as_str().and_then(|text| text.strip_prefix("Basic "));
    let login = String::from_utf8(STANDARD.decode(basic.context("no authorization")?)?)?;
    let (basic_user, basic_password) = login.split_once(':').context("no login")?;
    for login in [
        json!({"username": value["RABBITMQ_USER"], "password": value["RABBITMQ_PASSWORD"]}),
        json!({"username": value["user"], "password": value["password"]}),
        json!({"username": basic_user, "password": basic_password}),
    ] {
        ensure!(login["username"] == user, "{}", login["username"]);
        ensure!(cloud.logs_in(&login).await?, "a copy of `{user}` does not log in");
    }
    Ok(())
}

#[test]
fn every_key_that_repeats_the_credentials_logs_in_after_each_rotation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("copies")).await?;
        let clone = format!("{}_clone", app.user);
        let kept = json!({"queue": app.user, "db": format!("postgres://{}:pg-secret@db/x", app.user)});
        add(cloud, &app.arn, |user, password| {
            let uri = format!("amqps://{user}:{password}@localhost:5671/%2f");
            json!({
                "uri": uri,
                // The keys that a rotation of version 0.1 left in a secret: the other user and an old password.
                "left-behind": format!("amqps://{clone}:of-long-ago@localhost:5671/%2f?heartbeat=10"),
                "nodes": [{"url": uri}],
                "config": json!({"rabbit": {"url": uri}}).to_string(),
                "authorization": format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
                "RABBITMQ_USER": user, "RABBITMQ_PASSWORD": password, "user": user,
                "kept": kept,
            })
        })
        .await?;
        for user in [&clone, &app.user, &clone] {
            cloud.rotate_successfully(&app.arn).await?;
            let value = cloud.value(&app.arn, "AWSCURRENT").await?;
            ensure!(value["username"] == user.as_str(), "{}", value["username"]);
            every_copy_logs_in(cloud, &value).await?;
            ensure!(value["kept"] == kept, "{}", value["kept"]);
        }
        ensure!(cloud.notices.about(&app.arn).await?.is_empty());
        Ok(())
    })
}

#[test]
fn a_copy_that_cannot_be_renewed_is_refused_by_the_name_of_its_key_before_anything_is_stored() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("unclear")).await?;
        add(cloud, &app.arn, |user, password| {
            json!({"clients": [{"dsn": format!("host=localhost;username={user};password={password}")}]})
        })
        .await?;
        let before = state_of(cloud, &app.user, &app.arn).await?;
        // The first test of `RotateImmediately=false` detects it, too.
        let tested = cloud.test_rotation(&app.arn).await?;
        ensure!(format!("{tested:?}").contains("secret.invalid"), "{tested:?}");
        let notice = cloud.notices.wait_for(&app.arn, 1).await?.into_iter().next().context("no notice")?;
        ensure!(notice["testOnly"] == true && notice.to_string().contains("`clients[0].dsn`"), "{notice}");

        let other = cloud.create_app(&name("unclear")).await?;
        add(cloud, &other.arn, |_, password| json!({"note": format!("the password is {password}")})).await?;
        let version = cloud.begin_rotation(&other.arn).await?;
        let answer = cloud.step(&other.arn, &version, "createSecret").await?;
        let notice = failed_once(cloud, &other.arn, &answer, "secret.invalid", "`note`").await?;
        let password = cloud.value(&other.arn, "AWSCURRENT").await?["password"].clone();
        let password = password.as_str().context("no password")?;
        ensure!(
            !format!("{answer:?} {notice}").contains(password),
            "the answer or the notice contains the password"
        );
        ensure!(state_of(cloud, &app.user, &app.arn).await?.0 == before.0);
        Ok(())
    })
}

#[test]
fn a_near_miss_of_a_known_key_is_refused_with_the_key_that_was_meant() -> Result<()> {
    on_the_cloud(async |cloud| {
        for (case, near_miss, known) in [
            ("arn", "masterArn", "masterarn"),
            ("user", "user_name", "username"),
            ("strategy", "rotation-strategy", "rotationStrategy"),
        ] {
            let changes = json!({(near_miss): cloud.admin_secret});
            let app = cloud.create_app_with(&name(case), &changes).await?;
            let version = cloud.begin_rotation(&app.arn).await?;
            let answer = cloud.step(&app.arn, &version, "createSecret").await?;
            let words = format!("`{near_miss}`: did you mean `{known}`?");
            failed_once(cloud, &app.arn, &answer, "secret.invalid", &words).await?;
        }
        Ok(())
    })
}

#[test]
fn a_near_miss_of_a_key_blocks_neither_a_revocation_nor_the_secrets_of_an_admin() -> Result<()> {
    on_the_cloud(async |cloud| {
        let misspelt = json!({"Password": "of another tool"});
        let admin = cloud.create_admin(&name("misspelt-admin"), &misspelt).await?;
        let app = cloud.create_app_with(&name("misspelt"), &json!({"masterarn": admin})).await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        cloud.rotate_successfully(&app.arn).await?;
        // A value by hand removes AWSPREVIOUS from the version. Secrets Manager deletes a version without a label.
        let label = cloud.secrets.update_secret_version_stage().secret_id(&app.arn).version_stage("LEAKED");
        label.move_to_version_id(&leaked).send().await?;
        let mut current = cloud.value(&app.arn, "AWSCURRENT").await?;
        current["user_name"] = json!("of another tool");
        let stored = cloud.secrets.put_secret_value().secret_id(&app.arn);
        stored.secret_string(current.to_string()).send().await?;
        let event = json!({"Action": "revokePrevious", "SecretId": app.arn, "VersionId": leaked, "By": "Ada",
            "Reason": "ticket 7"});
        cloud.act(&event).await?.value()?;
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        Ok(())
    })
}
