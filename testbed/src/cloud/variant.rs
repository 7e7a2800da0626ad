//! The suite deployed once more, with other settings, beside the first one.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_lambda::types::Environment;

use super::{Cloud, Notices, workspace};
use crate::aws::Stack;

/// A second stack of the same template.
#[derive(Debug)]
pub struct Variant {
    /// ARN of its rotation-mq.
    pub function: String,
    /// Name of its secret2eks, when it has a cluster.
    pub delivery: Option<String>,
    /// What arrives in its dead-letter queue.
    pub notices: Notices,
    stack: Stack,
}

impl Variant {
    /// Disables the rule by which Secrets Manager's own event reaches its secret2eks.
    ///
    /// # Errors
    /// When the stack has no cluster, or EventBridge refuses.
    pub async fn disable_native_event(&self, cloud: &Cloud) -> Result<()> {
        let mut command = cloud.aws.cli();
        command.args(["events", "disable-rule", "--name", self.stack.resource("CurrentVersionChanged")?]);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

impl Cloud {
    /// Deploys the template as the stack `name` with other `parameters`, then gives its function further
    /// variables, for settings that the template does not offer, such as another endpoint of AWS.
    ///
    /// # Errors
    /// When the stack cannot be deployed or the function not be changed.
    pub async fn deploy_variant(
        &self,
        name: &str,
        parameters: &[(&str, &str)],
        variables: &[(&str, &str)],
    ) -> Result<Variant> {
        let ca = self.certificates.ca_pem().display().to_string();
        let mut wanted = vec![("Architecture", "x86_64"), ("BrokerCaBundle", ca.as_str())];
        wanted.retain(|(key, _)| parameters.iter().all(|(other, _)| other != key));
        wanted.extend(parameters);
        let stack = self
            .aws
            .deploy(name, &workspace().join("infra/template.yaml"), &wanted, &self.functions.artifacts())
            .await?;
        let function = stack.output("RotationFunctionArn")?.to_owned();
        if !variables.is_empty() {
            self.add_variables(&function, variables).await?;
        }
        let notices = Notices::new(self.notices.client(), stack.output("DeadLetterQueueUrl")?.to_owned());
        let delivery = stack.output("Secret2EksFunctionName").ok().map(str::to_owned);
        Ok(Variant { function, delivery, notices, stack })
    }

    /// Gives a function further variables; its next invocation starts a new process.
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
