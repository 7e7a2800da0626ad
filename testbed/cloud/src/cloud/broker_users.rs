//! Broker users that a deployment creates, with the function broker-user.

use anyhow::{Context as _, Result};
use aws::Stack;

use super::Cloud;

/// The variable with one more host to which the function may send its answers to CloudFormation.
const RESPONSE_HOST: &str = "RESPONSE_HOST";

impl Cloud {
    /// ARN of broker-user.
    ///
    /// # Errors
    /// When the template has no such output.
    pub fn broker_user_function(&self) -> Result<&str> {
        self.stack.output("BrokerUserFunctionArn")
    }

    /// Lets broker-user of that stack answer the emulator, which is not at an address of S3. The template has no
    /// parameter for it. A stack of version 0.1 has no such function.
    ///
    /// # Errors
    /// When the function cannot be changed.
    pub(super) async fn let_broker_user_answer(&self, stack: &Stack) -> Result<()> {
        let Ok(function) = stack.output("BrokerUserFunctionArn") else { return Ok(()) };
        let host =
            self.aws.endpoint().strip_prefix("http://").context("the emulator has no http endpoint")?;
        self.add_variables(function, &[(RESPONSE_HOST, host)]).await
    }
}
