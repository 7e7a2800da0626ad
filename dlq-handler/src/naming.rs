//! One subject for one secret: its complete ARN, however a message names it, because the success that ends an incident
//! names it by that.

use contract::{Area, is_complete_arn};

use crate::DlqHandler;
use crate::message::{Failure, Success};

impl DlqHandler {
    /// The failure under its secret's complete ARN. Where there is no such secret, it is the function's, which somebody
    /// called with a wrong name: no success would ever end an incident of that name.
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

    /// The success under its secret's complete ARN; none where there is no such secret.
    pub async fn name_success(&self, success: Success) -> Option<Success> {
        let subject = self.complete(&success.subject, success.area).await?;
        Some(Success { subject, ..success })
    }

    /// The subject by which incidents of an area are known; none for the name of a secret that does not exist. While Secrets
    /// Manager does not answer, the name itself: people are told rather than kept waiting.
    async fn complete(&self, subject: &str, area: Area) -> Option<String> {
        if !area.is_about_secrets() || is_complete_arn(subject) {
            return Some(subject.to_owned());
        }
        match self.secrets.complete_arn(subject).await {
            Ok(arn) => arn,
            Err(error) => {
                tracing::warn!(secret.arn = subject, "the secret is known by this name only: {error}");
                Some(subject.to_owned())
            }
        }
    }
}
