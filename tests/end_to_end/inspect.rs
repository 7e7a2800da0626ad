//! The function that only looks: what it says of a secret, and that it changes nothing.

mod broker;
mod connections;
mod logins;
mod nothing_written;
mod races;
mod users;
mod values;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud, Variant};
use testbed::fault_proxy::FaultProxy;
use testbed::schema::valid;

use crate::support::own_admin;

/// The inspection of a secret by the deployed function.
pub async fn inspect(cloud: &Cloud, arn: &str) -> Result<Value> {
    inspect_with(cloud, cloud.inspect_function()?, arn).await
}

/// The inspection of a secret by this function. It must be valid for its schema.
async fn inspect_with(cloud: &Cloud, function: &str, arn: &str) -> Result<Value> {
    let event = json!({"Action": "inspect", "SecretId": arn});
    let answer = cloud.invoke_function(function, &event).await?.value()?;
    valid("inspection", &answer)?;
    Ok(answer)
}

/// The kinds of its findings.
fn kinds(inspection: &Value) -> Vec<&str> {
    let findings = inspection["findings"].as_array().into_iter().flatten();
    findings.filter_map(|finding| finding["kind"].as_str()).collect()
}

/// The message of the finding of this kind.
fn said<'a>(inspection: &'a Value, kind: &str) -> Result<&'a str> {
    let mut findings = inspection["findings"].as_array().into_iter().flatten();
    let finding = findings.find(|finding| finding["kind"] == kind);
    let finding = finding.with_context(|| format!("no finding {kind}: {inspection:#}"))?;
    finding["message"].as_str().context("no message")
}

/// The login of the version with this staging label.
fn login_of<'a>(inspection: &'a Value, stage: &str) -> Option<&'a str> {
    let mut versions = inspection["versions"].as_array().into_iter().flatten();
    let has = |version: &&Value| version["stages"].as_array().is_some_and(|all| all.contains(&json!(stage)));
    versions.find(has)?["login"].as_str()
}

/// Stores another value by hand. It becomes AWSCURRENT.
async fn store(cloud: &Cloud, arn: &str, value: &str) -> Result<()> {
    cloud.secrets.put_secret_value().secret_id(arn).secret_string(value).send().await?;
    Ok(())
}

/// The inspecting function of another stack, which lives [`years_later`].
async fn after_years(cloud: &Cloud) -> Result<(FaultProxy, Variant, String)> {
    let variant = cloud.deploy_variant(&name("years"), &[], &[]).await?;
    let function = variant.stack.output("InspectFunctionName")?.to_owned();
    let proxy = years_later(cloud, &function).await?;
    Ok((proxy, variant, function))
}

/// For that function, every version was stored many years ago: a proxy takes the first digit off their dates. A rotation
/// has then settled.
pub async fn years_later(cloud: &Cloud, function: &str) -> Result<FaultProxy> {
    let proxy = FaultProxy::http(cloud.aws.endpoint())?;
    for before in ["\"CreatedDate\":", "\"CreatedDate\": "] {
        proxy.replace_in_answers(&format!("{before}1"), before);
    }
    cloud.add_variables(function, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.url())]).await?;
    Ok(proxy)
}

#[test]
fn a_rotated_secret_with_which_all_is_well_has_no_finding_and_everything_is_seen() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("well")).await?;
        let first = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
        let second = cloud.rotate_successfully(&app.arn).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen).is_empty(), "{seen:#}");
        ensure!(seen["secretArn"] == app.arn.as_str(), "{seen:#}");
        ensure!(seen["name"] == format!("rabbitmq/{}", app.user), "{seen:#}");
        ensure!(seen["rotationEnabled"] == true && seen["nextRotation"].is_string(), "{seen:#}");
        ensure!(seen["strategy"] == "alternating", "{seen:#}");
        let versions = seen["versions"].as_array().context("no versions")?;
        ensure!(versions.len() == 2, "{versions:?}");
        ensure!(versions[0]["versionId"] == second && versions[1]["versionId"] == first, "{versions:?}");
        ensure!(versions.iter().all(|version| version["login"] == "accepted"), "{versions:?}");
        ensure!(versions.iter().all(|version| version["createdAt"].is_string()), "{versions:?}");
        let users = seen["users"].as_array().context("no users")?;
        ensure!(users[0]["name"] == format!("{}_clone", app.user) && users[0]["inTurn"] == true, "{users:?}");
        ensure!(users[1]["name"] == app.user.as_str() && users[1]["inTurn"] == false, "{users:?}");
        ensure!(
            users.iter().all(|user| user["owner"] == "thisSecret" && user["exists"] == true),
            "{users:?}"
        );
        ensure!(users.iter().all(|user| user["tags"] == json!([])), "the mark is shown as a tag: {users:?}");
        let broker = &seen["broker"];
        ensure!(broker["name"] == cloud.broker_id.as_str() && broker["state"] == "RUNNING", "{broker}");
        ensure!(broker["version"] == cloud.broker.version(), "{broker}");
        ensure!(broker["certificateDays"].as_i64().is_some_and(|days| days > 1_000), "{broker}");
        ensure!(seen["differences"] == json!([]) && seen["delivery"].is_null(), "{seen:#}");
        Ok(())
    })
}

#[test]
fn a_single_user_and_an_admin_secret_are_inspected_like_every_other_secret() -> Result<()> {
    on_the_cloud(async |cloud| {
        let single = cloud.create_app_with(&name("single"), &json!({"rotationStrategy": "single"})).await?;
        let own = own_admin(cloud, "inspected-admin").await?;
        for app in [&single, &own] {
            cloud.rotate_successfully(&app.arn).await?;
        }
        let read_only = App { user: cloud.broker.admin_user().to_owned(), arn: cloud.admin_secret.clone() };
        for (app, users) in [(&single, 1), (&own, 2), (&read_only, 1)] {
            let seen = inspect(cloud, &app.arn).await?;
            ensure!(kinds(&seen).is_empty(), "{seen:#}");
            ensure!(login_of(&seen, "AWSCURRENT") == Some("accepted"), "{seen:#}");
            ensure!(seen["users"].as_array().is_some_and(|all| all.len() == users), "{seen:#}");
            let name = seen["users"][0]["name"].as_str().unwrap_or_default();
            ensure!(name.starts_with(&app.user), "{seen:#}");
        }
        Ok(())
    })
}

#[test]
fn a_secret_before_its_first_rotation_says_what_that_rotation_would_do() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("before")).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen).is_empty(), "{seen:#}");
        ensure!(seen["users"][1]["exists"] == false, "{seen:#}");
        let differences = seen["differences"].to_string();
        ensure!(differences.contains(&format!("create the user `{}_clone`", app.user)), "{differences}");
        ensure!(differences.contains("grant permission on vhost `/`"), "{differences}");
        Ok(())
    })
}

#[test]
fn each_function_refuses_the_requests_of_the_others_and_an_inspection_that_fails_notifies_nobody()
-> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("three-functions")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        let look = json!({"Action": "inspect", "SecretId": app.arn});
        let step = json!({"Step": "createSecret", "SecretId": app.arn, "ClientRequestToken": version});
        let act = json!({"Action": "revokePrevious", "SecretId": app.arn, "VersionId": version});
        for (event, output) in [
            (&step, "RotationFunctionName"),
            (&act, "IncidentFunctionName"),
            (&json!({"Action": "x"}), "inspect"),
        ] {
            let answer = cloud.look(event).await?;
            ensure!(answer.kind() == "event.invalid", "{answer:?}");
            ensure!(format!("{answer:?}").contains(output), "{answer:?}");
        }
        ensure!(cloud.value(&app.arn, "AWSPENDING").await.is_err(), "the function that looks has rotated");
        let none = "arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq/none-AbCdEf";
        let elsewhere = cloud.create_secret(&format!("elsewhere/{}", app.user), "{}").await?;
        for (secret, kinds) in [
            (none, &["secret.not_found", "aws.access_denied"][..]),
            (elsewhere.as_str(), &["aws.access_denied"]),
        ] {
            let answer = cloud.look(&json!({"Action": "inspect", "SecretId": secret})).await?;
            ensure!(kinds.contains(&answer.kind()), "{answer:?}");
        }
        let told = cloud.notices.about(&app.arn).await?;
        ensure!(told.is_empty(), "{told:?}");
        // The two others publish notices, as they do for every bad event.
        for answer in [cloud.invoke(&look).await?, cloud.act(&look).await?] {
            ensure!(answer.kind() == "event.invalid", "{answer:?}");
            ensure!(format!("{answer:?}").contains("InspectFunctionName"), "{answer:?}");
        }
        Ok(())
    })
}
