//! Every rotated secret is inspected within a day. What an inspection finds is told once, before a rotation fails of it.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::aws::Rotation;
use testbed::cloud::{Alerts, Cloud, DeadLetterQueue, Variant, random_text, tag};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use crate::failure_path::types;
use crate::inspect::years_later;
use crate::kubernetes::routed::{LIMIT, until};

/// A stack that inspects its own secrets.
struct Inspecting {
    cloud: &'static Cloud,
    variant: Variant,
    alerts: Alerts,
    own: DeadLetterQueue,
}

/// A secret of that stack, which was rotated once.
struct Inspected {
    arn: String,
    user: String,
}

impl Inspecting {
    async fn deploy(cloud: &'static Cloud, prefix: &str) -> Result<Self> {
        let own = name(prefix);
        let names = format!("{own}/");
        let parameters = [("SecretNamePrefix", names.as_str()), ("InspectEverySecret", "true")];
        let variant = cloud.deploy_variant(&own, &parameters, &[]).await?;
        let alerts = cloud.alerts_of(&variant).await?;
        let own = cloud.queue_of(&variant, "OwnQueueUrl").await?;
        Ok(Self { cloud, variant, alerts, own })
    }

    async fn rotated(&self, prefix: &str) -> Result<Inspected> {
        let (cloud, user) = (self.cloud, name(prefix));
        let password = random_text(32)?;
        let management = cloud.broker.management()?;
        management.create_user(&user, &password, &[]).await?;
        management.set_permissions(&user, "/", ["", "^orders$", "^orders$"]).await?;
        let value = json!({
            "engine": "rabbitmq", "brokerId": cloud.broker_id, "masterarn": cloud.admin_secret,
            "username": user, "password": password,
        });
        let create = cloud.secrets.create_secret().name(format!("{}/{user}", self.variant.name));
        let created =
            create.secret_string(value.to_string()).tags(tag("rotation-mq", "rotate")).send().await?;
        let arn = created.arn.context("no ARN")?;
        let secret = Inspected { arn, user };
        let rotation = self.rotation(&secret).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        Ok(secret)
    }

    async fn rotation(&self, secret: &Inspected) -> Result<Rotation> {
        let rules = RotationRulesType::builder().automatically_after_days(30).build();
        let rotate = self.cloud.secrets.rotate_secret().secret_id(&secret.arn);
        let rotate = rotate.rotation_lambda_arn(&self.variant.function).rotation_rules(rules);
        let version = rotate.send().await?.version_id;
        self.cloud.aws.wait_for_rotation(&secret.arn, version.as_deref(), LIMIT).await
    }

    fn function(&self) -> Result<&str> {
        self.variant.stack.output("WatchFunctionName")
    }

    /// Inspects one secret, as a person does.
    async fn inspect(&self, secret: &Inspected) -> Result<Value> {
        let order = json!({"Action": "inspect", "SecretId": secret.arn});
        let answer = self.cloud.invoke_function(self.function()?, &order).await?.value()?;
        ensure!(answer["due"] == 1, "{answer}");
        Ok(answer)
    }

    /// The hourly check of dlq-handler, which closes incidents.
    async fn sweep(&self) -> Result<()> {
        self.own.send(&[json!({"schema": "dlq-handler-sweep/1"}).to_string()]).await
    }

    /// Inspects a secret in which something is wrong, twice. Then `mends` it, and inspects it again. Somebody is notified once
    /// of the finding, and once of its end.
    async fn tells_once(
        &self,
        secret: &Inspected,
        kind: &str,
        mend: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<()> {
        for _ in 0..2 {
            let answer = self.inspect(secret).await?;
            ensure!(answer["inspected"] == 1 && answer["told"] == 1, "{answer}");
        }
        let alerts = self.alerts.wait_for(&secret.arn, 1).await?;
        let alert = alerts.first().context("no alert")?;
        let context = &alert["metadata"]["additionalContext"];
        ensure!(context["kind"] == kind && context["area"] == "inspection", "{alert}");
        // Nothing is wrong any more only when an inspection has found nothing.
        mend().await?;
        self.sweep().await?;
        let answer = self.inspect(secret).await?;
        ensure!(answer["inspected"] == 1 && answer["told"] == 0, "{answer}");
        self.sweep().await?;
        let alerts = self.alerts.wait_for(&secret.arn, 2).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        Ok(())
    }
}

/// The tags of a broker user, with its mark.
async fn tags_of(cloud: &Cloud, user: &str) -> Result<Vec<String>> {
    let user = cloud.broker.management()?.user(user).await?.context("no such user")?;
    let tags = user["tags"].as_array().cloned().unwrap_or_default();
    Ok(tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect())
}

fn is_inspection(call: &Call) -> bool {
    call.path.contains("-inspect/invocations")
}

#[test]
fn a_drifted_grant_is_told_once_and_closed_when_it_is_mended() -> Result<()> {
    on_the_cloud(async |cloud| {
        let stack = Inspecting::deploy(cloud, "drifted").await?;
        let secret = stack.rotated("drifted").await?;
        let management = cloud.broker.management()?;
        management.set_permissions(&secret.user, "/", ["", "^orders$", ""]).await?;
        stack
            .tells_once(&secret, "grants.differ", async || {
                management.set_permissions(&secret.user, "/", ["", "^orders$", "^orders$"]).await
            })
            .await
    })
}

#[test]
fn a_password_that_another_tool_has_changed_is_told_before_the_next_rotation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let stack = Inspecting::deploy(cloud, "changed").await?;
        let secret = stack.rotated("changed").await?;
        let value = cloud.value(&secret.arn, "AWSCURRENT").await?;
        let text = |field: &str| value[field].as_str().context("no text");
        let (user, password) = (text("username")?, text("password")?);
        let management = cloud.broker.management()?;
        // The tags stay: only the password was changed.
        let tags = tags_of(cloud, user).await?;
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        management.create_user(user, &random_text(32)?, &tags).await?;
        stack
            .tells_once(&secret, "current.login_refused", async || {
                management.create_user(user, password, &tags).await
            })
            .await
    })
}

#[test]
fn a_forgotten_consumer_on_the_old_user_is_told() -> Result<()> {
    on_the_cloud(async |cloud| {
        let stack = Inspecting::deploy(cloud, "forgotten").await?;
        let _proxy = years_later(cloud, stack.variant.stack.output("InspectFunctionName")?).await?;
        let secret = stack.rotated("forgotten").await?;
        let before = cloud.value(&secret.arn, "AWSPREVIOUS").await?;
        let text = |field: &str| before[field].as_str().context("no text");
        let consumer = cloud.broker.amqps_login(text("username")?, text("password")?, "/").await?;
        crate::support::statistics_know(cloud, text("username")?).await?;
        let close = async || {
            testbed::broker::close(&consumer).await?;
            // The broker lists a closed connection for some seconds.
            let management = cloud.broker.management()?;
            until("the connection is gone", async || {
                Ok(management.connections_of(text("username")?).await?.is_empty())
            })
            .await
        };
        stack.tells_once(&secret, "connections.stale", close).await
    })
}

#[test]
fn a_finding_that_an_incident_of_a_rotation_reports_opens_no_second_one() -> Result<()> {
    on_the_cloud(async |cloud| {
        let stack = Inspecting::deploy(cloud, "reported").await?;
        let secret = stack.rotated("reported").await?;
        let user =
            cloud.value(&secret.arn, "AWSCURRENT").await?["username"].as_str().unwrap_or_default().to_owned();
        let management = cloud.broker.management()?;
        let tags = tags_of(cloud, &user).await?;
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        management.create_user(&user, &random_text(32)?, &tags).await?;
        let rotation = stack.rotation(&secret).await?;
        ensure!(rotation.outcome != "succeeded", "{rotation:?}");
        stack.alerts.wait_for(&secret.arn, 1).await?;
        stack.inspect(&secret).await?;
        // A message that is handled after the notice of the inspection.
        let other = stack.rotated("reported-other").await?;
        management.set_permissions(&other.user, "/", ["", "^orders$", ""]).await?;
        stack.inspect(&other).await?;
        stack.alerts.wait_for(&other.arn, 1).await?;
        let alerts = stack.alerts.about(&secret.arn).await?;
        ensure!(alerts.len() == 1, "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_run_inspects_only_the_secrets_of_its_hour_and_stops_when_inspect_gives_no_answers() -> Result<()> {
    on_the_cloud(async |cloud| {
        let stack = Inspecting::deploy(cloud, "hourly").await?;
        let proxy = FaultProxy::http(cloud.aws.endpoint())?;
        cloud.add_variables(stack.function()?, &[("AWS_ENDPOINT_URL_LAMBDA", proxy.url())]).await?;
        let mut secrets = Vec::new();
        for _ in 0..6 {
            secrets.push(stack.rotated("hourly").await?);
        }
        let order = json!({"Action": "inspect"});
        let answer = cloud.invoke_function(stack.function()?, &order).await?.value()?;
        let inspected = proxy.count(is_inspection);
        ensure!(inspected < secrets.len(), "all secrets were inspected in one hour: {answer}");
        ensure!(answer["inspected"] == inspected, "{inspected}: {answer}");
        // A repeated run has nothing left to do.
        proxy.reset();
        cloud.invoke_function(stack.function()?, &order).await?.value()?;
        ensure!(proxy.count(is_inspection) == 0, "a repeated run inspected again");

        proxy.inject(Rule::always(is_inspection, Fault::aws_error(403, "AccessDeniedException")));
        let secret = secrets.first().context("no secret")?;
        let one = json!({"Action": "inspect", "SecretId": secret.arn});
        let answer = cloud.invoke_function(stack.function()?, &one).await?;
        ensure!(answer.kind() == "aws.access_denied", "{answer:?}");
        ensure!(
            stack.alerts.about(&secret.arn).await?.is_empty(),
            "a missing permission is no finding of a secret"
        );
        Ok(())
    })
}
