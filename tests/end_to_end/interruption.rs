//! A rotation is interrupted after every step and at every write, and the next attempt finishes it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::aws::{Pending, Retry, RotationOptions};
use testbed::cloud::{App, Cloud, Variant, kill_function};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use crate::support::{converged, current_logs_in};

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const WRITES_TO_AWS: [&str; 2] = ["PutSecretValue", "UpdateSecretVersionStage"];

/// The fault at a write, and at every later call until the attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interruption {
    /// The write never arrives.
    Before,
    /// The write is done, but the answer is lost.
    After,
    /// The write is done, and the function is killed.
    Killed,
}

#[test]
fn a_rotation_interrupted_after_any_step_is_finished_by_starting_over() -> Result<()> {
    on_the_cloud(async |cloud| {
        for pending in [Pending::Kept, Pending::Removed] {
            for done in 0..=STEPS.len() {
                let app = cloud.create_app(&name("steps")).await?;
                let version = cloud.begin_rotation(&app.arn).await?;
                let options =
                    RotationOptions { pending_after_promotion: Some(pending), ..RotationOptions::default() };
                cloud.aws.set_rotation_options(Some(&app.arn), &options).await?;
                for step in STEPS.iter().take(done) {
                    cloud.step(&app.arn, &version, step).await?.value()?;
                    current_logs_in(cloud, &app.arn).await?;
                }
                cloud.steps(&app.arn, &version).await?;
                converged(cloud, &app.user, &app.arn, &version).await?;
            }
        }
        Ok(())
    })
}

#[test]
fn overlapping_calls_of_the_same_step_end_as_one() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("overlap")).await?;
        let options = RotationOptions {
            duplicate_steps: Some(STEPS.map(str::to_owned).to_vec()),
            ..RotationOptions::default()
        };
        cloud.aws.set_rotation_options(Some(&app.arn), &options).await?;
        for _ in 0..3 {
            let version = cloud.rotate_successfully(&app.arn).await?;
            converged(cloud, &app.user, &app.arn, &version).await?;
        }
        Ok(())
    })
}

#[test]
fn secrets_manager_s_own_retry_finishes_a_failed_rotation_with_the_same_and_with_a_new_token() -> Result<()> {
    on_the_cloud(async |cloud| {
        for retry in [Retry::SameToken, Retry::NewToken] {
            let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
            let app = cloud.create_app_at(&name("retry"), cloud.broker.amqps_port(), proxy.url()).await?;
            let options = RotationOptions { retry: Some(retry), ..RotationOptions::default() };
            cloud.aws.set_rotation_options(Some(&app.arn), &options).await?;
            // Both attempts of the first PUT are lost after the broker has accepted them.
            proxy.inject(Rule::at(1, |call| call.method == "PUT", Fault::LoseResponse).times(2));
            let rotation = cloud.rotate(&app.arn).await?;
            ensure!(rotation.outcome == "succeeded" && rotation.attempts.len() == 2, "{rotation:?}");
            let version = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
            converged(cloud, &app.user, &app.arn, &version).await?;
            ensure!(cloud.notices.wait_for(&app.arn, 1).await?.len() == 1, "one failure, one notice");
        }
        Ok(())
    })
}

#[test]
fn a_rotation_interrupted_at_any_write_is_finished_by_the_next_attempt() -> Result<()> {
    on_the_cloud(async |cloud| {
        let lab = Lab::start(cloud).await?;
        let clean = lab.app(cloud).await?;
        let version = cloud.begin_rotation(&clean.arn).await?;
        ensure!(lab.attempt(cloud, &clean, &version).await?.is_none(), "a clean run failed");
        let writes = lab.writes();
        let kinds: BTreeSet<&str> = writes.iter().map(|(place, _)| *place).collect();
        ensure!(writes.len() >= 8 && kinds.len() == 2, "too few writes to interrupt: {writes:?}");
        for (place, number) in writes {
            for interruption in [Interruption::Before, Interruption::After, Interruption::Killed] {
                lab.interrupt_and_repeat(cloud, place, number, interruption)
                    .await
                    .with_context(|| format!("{interruption:?} at write {number} to {place}"))?;
            }
        }
        Ok(())
    })
}

/// A deployed function that calls AWS and the management API through proxies.
struct Lab {
    aws: FaultProxy,
    broker: FaultProxy,
    function: Variant,
    function_name: String,
}

impl Lab {
    async fn start(cloud: &Cloud) -> Result<Self> {
        let aws = FaultProxy::http(cloud.aws.endpoint())?;
        let broker = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
        let stack = name("interrupted");
        let parameters = [("CallTimeoutSeconds", "2")];
        let function = cloud
            .deploy_variant(&stack, &parameters, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.url())])
            .await?;
        Ok(Self { aws, broker, function, function_name: format!("{stack}-rotation-mq") })
    }

    /// A pair with every kind of grant, so that setSecret needs every kind of write.
    async fn app(&self, cloud: &Cloud) -> Result<App> {
        let app = cloud.create_app_at(&name("write"), cloud.broker.amqps_port(), self.broker.url()).await?;
        let clone = format!("{}_clone", app.user);
        let management = cloud.broker.management()?;
        management.set_topic_permission(&app.user, "/", "amq.topic", ["^a", "^b"]).await?;
        management.set_limit(&app.user, "max-connections", 20).await?;
        management.create_user(&clone, "a password of its own", &["monitoring"]).await?;
        // AWSPREVIOUS logs in as the second user, which proves that the user belongs to this secret.
        let current = cloud.value(&app.arn, "AWSCURRENT").await?;
        let mut previous = current.clone();
        (previous["username"], previous["password"]) = (json!(clone), json!("a password of its own"));
        for value in [previous, current] {
            let stored = cloud.secrets.put_secret_value().secret_id(&app.arn);
            stored.secret_string(value.to_string()).send().await?;
        }
        management.set_limit(&clone, "max-channels", 20).await?;
        management.set_topic_permission(&clone, "/", "amq.direct", ["^a", "^b"]).await?;
        Ok(app)
    }

    /// Runs the four steps. Returns the kind of the first failure, if there is one.
    async fn attempt(&self, cloud: &Cloud, app: &App, version: &str) -> Result<Option<String>> {
        for step in STEPS {
            let event = json!({"Step": step, "SecretId": app.arn, "ClientRequestToken": version});
            let answer = cloud.invoke_function(&self.function.function, &event).await?;
            if !matches!(answer, testbed::cloud::Answer::Done(_)) {
                return Ok(Some(answer.kind().to_owned()));
            }
        }
        Ok(None)
    }

    /// The writes so far, numbered for each place.
    fn writes(&self) -> Vec<(&'static str, usize)> {
        let count = |calls: Vec<Call>, is_write: fn(&Call) -> bool| {
            calls.iter().filter(|call| is_write(call)).count()
        };
        let to_aws = count(self.aws.calls(), is_write_to_aws);
        let to_broker = count(self.broker.calls(), is_write_to_broker);
        let numbered = |place, count| (1..=count).map(move |number| (place, number));
        numbered("AWS", to_aws).chain(numbered("the broker", to_broker)).collect()
    }

    async fn interrupt_and_repeat(
        &self,
        cloud: &Cloud,
        place: &str,
        number: usize,
        interruption: Interruption,
    ) -> Result<()> {
        self.aws.reset();
        self.broker.reset();
        let app = self.app(cloud).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        let (proxy, is_write): (_, fn(&Call) -> bool) =
            if place == "AWS" { (&self.aws, is_write_to_aws) } else { (&self.broker, is_write_to_broker) };
        let fault = if interruption == Interruption::Before { Fault::Drop } else { Fault::LoseResponse };
        // From then on every write fails. Otherwise the function's own retry would hide the interruption.
        let mut rule = Rule::at(number, is_write, fault).times(usize::MAX);
        if interruption == Interruption::Killed {
            let (endpoint, function) = (cloud.aws.endpoint().to_owned(), self.function_name.clone());
            rule = rule.hook(move |_| kill_function(&endpoint, &function));
        }
        proxy.inject(rule);
        let failure = self.attempt(cloud, &app, &version).await?;
        self.aws.reset();
        self.broker.reset();
        current_logs_in(cloud, &app.arn).await?;
        let promotion_is_found = place == "AWS" && interruption == Interruption::After;
        ensure!(failure.is_some() || promotion_is_found, "the interruption did not interrupt");
        ensure!(self.attempt(cloud, &app, &version).await?.is_none(), "the second attempt failed");
        converged(cloud, &app.user, &app.arn, &version).await
    }
}

fn is_write_to_aws(call: &Call) -> bool {
    WRITES_TO_AWS.contains(&call.operation().as_str())
}

fn is_write_to_broker(call: &Call) -> bool {
    ["PUT", "DELETE"].contains(&call.method.as_str())
}
