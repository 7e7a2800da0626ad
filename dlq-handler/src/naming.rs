//! One subject for one secret: its complete ARN, in whichever form a message names it. The success that ends an incident
//! names the secret by its complete ARN.

use contract::{Area, is_complete_arn};

use crate::DlqHandler;
use crate::message::{Failure, Success};

impl DlqHandler {
    /// The failure with its secret's complete ARN. If there is no such secret, somebody invoked the function with a wrong
    /// name. The failure is about the function then, because no success would ever end an incident of that name.
    pub async fn name_failure(&self, mut failure: Failure) -> Failure {
        let named = std::mem::take(&mut failure.subject);
        match self.complete(&named, failure.area).await {
            Some(arn) => failure.subject = arn,
            None => {
                failure.area = Area::Function;
                failure.subject =
                    failure.detail.function.clone().unwrap_or_else(|| "an unknown function".to_owned());
                failure.detail.secret = Some(named);
                failure.delivery = None;
            }
        }
        failure
    }

    /// The success with its secret's complete ARN. None if there is no such secret.
    pub async fn name_success(&self, success: Success) -> Option<Success> {
        let subject = self.complete(&success.subject, success.area).await?;
        Some(Success { subject, ..success })
    }

    /// The subject of the incidents of an area. None for the name of a secret that does not exist. If Secrets Manager does
    /// not answer, it is the name itself, so that people are notified without delay.
    pub(crate) async fn complete(&self, subject: &str, area: Area) -> Option<String> {
        if !area.is_about_secrets() || is_complete_arn(subject) {
            return Some(subject.to_owned());
        }
        match self.secrets.complete_arn(subject).await {
            Ok(arn) => arn,
            Err(error) => {
                tracing::warn!(
                    secret.arn = subject,
                    "the secret's ARN could not be looked up, so the incident has this name: {error}"
                );
                Some(subject.to_owned())
            }
        }
    }
}
