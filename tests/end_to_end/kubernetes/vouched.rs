//! Who vouches for a version: the request of rotation-mq, and nobody else. And what happens if `inspect` gives no answer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use end_to_end::{name, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, random_text};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use super::life::{Customer, Suite};
use super::routed::LIMIT;

/// A stack whose secret2eks calls Lambda through a proxy.
struct Watched {
    suite: Suite,
    proxy: FaultProxy,
}

fn is_check(call: &Call) -> bool {
    call.path.contains("-inspect/invocations") || call.path.contains("-inspect%2Finvocations")
}

impl Watched {
    async fn deploy(cloud: &'static Cloud, prefix: &str) -> Result<Self> {
        let suite = Suite::deploy(cloud, prefix).await?;
        let proxy = FaultProxy::http(cloud.aws.endpoint())?;
        cloud.add_variables(suite.function()?, &[("AWS_ENDPOINT_URL_LAMBDA", proxy.url())]).await?;
        Ok(Self { suite, proxy })
    }

    async fn rotated(&self, prefix: &str) -> Result<Customer<'_>> {
        rotated(&self.suite, prefix).await
    }

    fn checks(&self) -> usize {
        self.proxy.count(is_check)
    }
}

/// A rotated secret whose first value was delivered before its rotation was switched on.
async fn rotated<'a>(suite: &'a Suite, prefix: &str) -> Result<Customer<'a>> {
    let (cloud, own) = (suite.cloud, name(prefix));
    let secret = suite.create_named(&own, &[("rotation-mq", "rotate")]).await?;
    store(cloud, &secret, &random_text(32)?, true).await?;
    secret.deliver().await?;
    let rotate = cloud.secrets.rotate_secret().secret_id(&secret.arn).rotate_immediately(false);
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    rotate.rotation_lambda_arn(&suite.variant.function).rotation_rules(rules).send().await?;
    cloud.aws.wait_for_rotation(&secret.arn, None, LIMIT).await?;
    Ok(secret)
}

/// Whether a value that does not log in is held back. If it cannot be checked, it is delivered.
pub async fn is_refused(suite: &Suite) -> Result<bool> {
    let secret = rotated(suite, "asked").await?;
    let version = store(suite.cloud, &secret, &random_text(32)?, false).await?;
    let event = json!({"secretArn": secret.arn, "versionId": version, "attempt": 1});
    Ok(suite.order(&event).await?.kind() == "delivery.held_back")
}

/// Stores a value by hand. If it `works`, the broker has its password. Returns its version.
async fn store(cloud: &Cloud, secret: &Customer<'_>, password: &str, works: bool) -> Result<String> {
    if works {
        let management = cloud.broker.management()?;
        management.create_user(&secret.name, password, &[]).await?;
        management.set_permissions(&secret.name, "/", ["", "^orders$", "^orders$"]).await?;
    }
    let value = json!({
        "engine": "rabbitmq", "brokerId": cloud.broker_id, "masterarn": cloud.admin_secret,
        "username": secret.name, "password": password,
    });
    let put = cloud.secrets.put_secret_value().secret_id(&secret.arn).secret_string(value.to_string());
    put.send().await?.version_id.context("no version")
}

/// The event of a stored value. The suite's own rule is the one of another test's names.
async fn request(watched: &Watched, secret: &Customer<'_>, version: &str, tested: Value) -> Result<Value> {
    let event = json!({"secretArn": secret.arn, "versionId": version, "attempt": 1, "tested": tested});
    watched.suite.order(&event).await?.value()
}

#[test]
fn a_version_is_checked_once_unless_its_own_request_vouches_for_it() -> Result<()> {
    on_the_cluster(async |cloud| {
        let watched = Watched::deploy(cloud, "vouched").await?;
        let secret = watched.rotated("vouched").await?;
        watched.suite.settled().await?;
        // The rule delivers each stored value, too. Only the requests of this test are counted.
        let rule = watched.suite.variant.stack.resource("CurrentVersionChanged")?;
        crate::support::run_cli(cloud, &["events", "disable-rule", "--name", rule]).await?;

        watched.proxy.reset();
        let version = store(cloud, &secret, &random_text(32)?, true).await?;
        let answer = request(&watched, &secret, &version, json!(true)).await?;
        ensure!(answer["changed"] == true && watched.checks() == 0, "{} checks, {answer}", watched.checks());
        // What was delivered is not checked again, whoever asks.
        request(&watched, &secret, &version, json!(false)).await?;
        ensure!(watched.checks() == 0, "{} checks of what was delivered", watched.checks());

        // A request vouches only for the version that it names.
        let newer = store(cloud, &secret, &random_text(32)?, true).await?;
        let answer = request(&watched, &secret, &version, json!(true)).await?;
        ensure!(
            answer["versionId"] == newer.as_str() && watched.checks() == 1,
            "{} checks",
            watched.checks()
        );

        let refused = store(cloud, &secret, &random_text(32)?, false).await?;
        let forged = request(&watched, &secret, &newer, json!(true)).await?;
        ensure!(forged["outcome"] == "heldBack", "it was delivered: {forged}");
        let event = json!({"secretArn": secret.arn, "versionId": refused, "attempt": 1, "tested": "yes"});
        let answer = watched.suite.order(&event).await?;
        ensure!(answer.kind() == "event.invalid", "{answer:?}");
        Ok(())
    })
}

#[test]
fn a_value_is_delivered_with_a_warning_when_inspect_is_throttled_denied_slow_or_broken() -> Result<()> {
    on_the_cluster(async |cloud| {
        let watched = Watched::deploy(cloud, "no-inspect").await?;
        let secret = watched.rotated("no-inspect").await?;
        let rule = watched.suite.variant.stack.resource("CurrentVersionChanged")?;
        crate::support::run_cli(cloud, &["events", "disable-rule", "--name", rule]).await?;
        for (what, fault) in [
            ("throttled", Fault::aws_error(429, "TooManyRequestsException")),
            ("denied", Fault::aws_error(403, "AccessDeniedException")),
            ("slow", Fault::Delay(Duration::from_secs(60))),
            ("gone", Fault::Drop),
            ("broken", Fault::html(200)),
        ] {
            watched.proxy.reset();
            watched.proxy.inject(Rule::always(is_check, fault));
            let version = store(cloud, &secret, &random_text(32)?, false).await?;
            let answer = request(&watched, &secret, &version, json!(false)).await.context(what)?;
            ensure!(watched.checks() > 0, "{what}: nothing was checked");
            ensure!(answer["versionId"] == version.as_str() && answer["changed"] == true, "{what}: {answer}");
            ensure!(answer["warnings"][0]["kind"] == "delivery.unchecked", "{what}: {answer}");
        }
        // With an answer, the version is checked although it was delivered.
        watched.proxy.reset();
        let version = cloud.version(&secret.arn, "AWSCURRENT").await?.context("nothing is current")?;
        let refused = request(&watched, &secret, &version, json!(false)).await?;
        ensure!(refused["warnings"][0]["kind"] == "current.login_refused", "{refused}");
        ensure!(refused.to_string().contains("delivered before"), "{refused}");
        Ok(())
    })
}

#[test]
fn without_the_parameter_no_value_is_checked() -> Result<()> {
    on_the_cluster(async |cloud| {
        let watched = Watched::deploy(cloud, "unasked").await?;
        cloud.add_variables(watched.suite.function()?, &[("INSPECT_FUNCTION", "")]).await?;
        let secret = watched.rotated("unasked").await?;
        let version = store(cloud, &secret, &random_text(32)?, false).await?;
        let answer = request(&watched, &secret, &version, json!(false)).await?;
        ensure!(answer["warnings"].is_null() && watched.checks() == 0, "{answer}");
        Ok(())
    })
}
