//! A second deployment of the suite beside the first one, with other settings or from another release.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use aws::Stack;
use aws_sdk_lambda::types::Environment;

use super::{Alerts, Cloud, DeadLetterQueue, Functions, Notices, workspace};

/// Outputs of the template: the queues of dlq-handler, each with another sender.
const QUEUES: [&str; 4] = ["DeadLetterQueueUrl", "RuleQueueUrl", "OwnQueueUrl", "DeliveryQueueUrl"];
/// Queues that a stack may lack: that of an earlier release, or one that watches no reads.
const FURTHER_QUEUES: [&str; 3] = ["ReadQueueUrl", "ProtectionQueueUrl", "CloseQueueUrl"];
/// Rules about the secrets of all tests. A stack of a test must not receive their events.
const RULES: [&str; 2] = ["RotationOutcome", "ProtectionChanged"];

/// A second stack of the same template.
#[derive(Debug)]
pub struct Variant {
    /// The stack's name.
    pub name: String,
    /// ARN of its rotation-mq.
    pub function: String,
    /// Name of its secret2eks, if it has a cluster.
    pub delivery: Option<String>,
    /// The messages of its dead-letter topic.
    pub notices: Notices,
    /// The whole stack.
    pub stack: Stack,
}

/// A template and the programs of its functions.
#[derive(Debug, Clone)]
pub struct Release {
    /// `infra/template.yaml` of that release.
    pub template: PathBuf,
    /// Its functions.
    pub functions: Functions,
}

/// An hourly inspection would report what other tests break on purpose. The tests of inspections switch it on.
pub(super) const INSPECTIONS: (&str, &str) = ("InspectEverySecret", "false");

impl Cloud {
    /// Deploys the current template as the stack `name` with other `parameters`, or updates that stack. Then sets
    /// further variables of its function, for settings that the template lacks, such as another AWS endpoint.
    ///
    /// # Errors
    /// When the stack cannot be deployed or the function cannot be changed.
    pub async fn deploy_variant(
        &self,
        name: &str,
        parameters: &[(&str, &str)],
        variables: &[(&str, &str)],
    ) -> Result<Variant> {
        let present =
            Release { template: workspace().join("infra/template.yaml"), functions: self.functions.clone() };
        let variant = self.deploy_release(&present, name, parameters).await?;
        if !variables.is_empty() {
            self.add_variables(&variant.function, variables).await?;
        }
        Ok(variant)
    }

    /// As [`Cloud::deploy_variant`], from any release.
    ///
    /// # Errors
    /// When the stack cannot be deployed.
    pub async fn deploy_release(
        &self,
        release: &Release,
        name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Variant> {
        let ca = self.certificates.ca_pem().display().to_string();
        let mut wanted = vec![("Architecture", "x86_64"), ("BrokerCaBundle", ca.as_str())];
        let template = std::fs::read_to_string(&release.template).context("no template")?;
        if template.contains(INSPECTIONS.0) {
            wanted.push(INSPECTIONS);
        }
        wanted.retain(|(key, _)| parameters.iter().all(|(other, _)| other != key));
        wanted.extend(parameters);
        let artifacts = release.functions.artifacts();
        let stack = self.aws.deploy(name, &release.template, &wanted, &artifacts).await?;
        self.let_broker_user_answer(&stack).await?;
        let function = stack.output("RotationFunctionArn")?.to_owned();
        let config = self.aws.sdk_config().await;
        let rules = aws_sdk_eventbridge::Client::new(&config);
        for rule in RULES.iter().filter_map(|rule| stack.resource(rule).ok()) {
            rules.disable_rule().name(rule).send().await.context("the rule stays on")?;
        }
        let notices = Notices::of(&config, stack.output("DeadLetterTopicArn")?, name).await?;
        let delivery = stack.output("Secret2EksFunctionName").ok().map(str::to_owned);
        Ok(Variant { name: name.to_owned(), function, delivery, notices, stack })
    }

    /// Enables the rule by which that stack receives the end of rotations. It receives those of its own secrets only:
    /// their names begin with its parameter `SecretNamePrefix`.
    ///
    /// # Errors
    /// When EventBridge refuses.
    pub async fn tell_of_rotations(&self, variant: &Variant) -> Result<()> {
        let rules = aws_sdk_eventbridge::Client::new(&self.aws.sdk_config().await);
        let rule = variant.stack.resource("RotationOutcome")?;
        rules.enable_rule().name(rule).send().await.context("the rule stays off")?;
        Ok(())
    }

    /// Enables the rule by which that stack receives changes of what protects its secrets. Their names begin with its
    /// parameter `SecretNamePrefix`.
    ///
    /// # Errors
    /// When EventBridge refuses.
    pub async fn tell_of_changes(&self, variant: &Variant) -> Result<()> {
        let rules = aws_sdk_eventbridge::Client::new(&self.aws.sdk_config().await);
        let rule = variant.stack.resource("ProtectionChanged")?;
        rules.enable_rule().name(rule).send().await.context("the rule stays off")?;
        Ok(())
    }

    /// The alerts that SecOps receives from that stack.
    ///
    /// # Errors
    /// When SQS, SNS or EventBridge refuses.
    pub async fn alerts_of(&self, variant: &Variant) -> Result<Alerts> {
        Alerts::of(&self.aws.sdk_config().await, &variant.stack, &variant.name).await
    }

    /// The queue of that stack whose URL is the output `output`.
    ///
    /// # Errors
    /// When the template has no such output.
    pub async fn queue_of(&self, variant: &Variant, output: &str) -> Result<DeadLetterQueue> {
        DeadLetterQueue::of(&self.aws.sdk_config().await, &variant.stack, output)
    }

    /// All queues from which the handler of that stack reads.
    ///
    /// # Errors
    /// When the template has no such output.
    pub async fn handler_queues(&self, variant: &Variant) -> Result<Vec<DeadLetterQueue>> {
        let config = self.aws.sdk_config().await;
        let further = FURTHER_QUEUES.iter().filter(|output| variant.stack.output(output).is_ok());
        let all = QUEUES.iter().chain(further);
        all.map(|output| DeadLetterQueue::of(&config, &variant.stack, output)).collect()
    }

    /// Sets further variables of a function, or changes their values. Its next invocation starts a new process.
    ///
    /// # Errors
    /// When Lambda refuses.
    pub async fn add_variables(&self, function: &str, variables: &[(&str, &str)]) -> Result<()> {
        let known = self.lambda.get_function_configuration().function_name(function).send().await?;
        let mut all = known.environment.and_then(|environment| environment.variables).unwrap_or_default();
        all.extend(variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        self.lambda
            .update_function_configuration()
            .function_name(function)
            .environment(Environment::builder().set_variables(Some(all)).build())
            .send()
            .await
            .with_context(|| format!("the variables of {function} were not changed"))?;
        Ok(())
    }
}
