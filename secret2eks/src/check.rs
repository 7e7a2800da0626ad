//! Asks `inspect` whether a version logs in, before it is delivered, and holds it back if the broker refuses it.
//!
//! Only what the broker itself refuses is held back. What cannot be checked is delivered with a warning, so that a value that
//! somebody stores in an emergency is never blocked.

use contract::{Login, LoginCheck};
use serde_json::Value;

use crate::error::DeliveryError;
use crate::external_secret::{is_unchecked, next_refresh, pinned, written_version};
use crate::held::{Held, InsteadOfIt};
use crate::in_cluster::InCluster;
use crate::kubernetes_api::ApiError;
use crate::question::is_to_be_checked;
use crate::route::Mode;

/// What is known of the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Somebody vouches for it, or it was delivered before.
    NotNeeded,
    /// The broker accepts its login.
    Accepted,
    /// It could not be found out. Says why.
    Unknown(String),
}

impl InCluster<'_> {
    /// Checks the version if it has to be checked. This may take 15 s.
    ///
    /// # Errors
    /// When the broker refuses the login. The cluster keeps what it has, if secret2eks owns the object.
    pub(crate) async fn check(self, existing: Option<&Value>) -> Result<Checked, DeliveryError> {
        let Some(inspections) = self.delivery.inspections.as_ref().filter(|_| self.is_open) else {
            return Ok(Checked::NotNeeded);
        };
        let wanted = self.wanted;
        if !is_to_be_checked(existing, wanted) {
            return Ok(Checked::NotNeeded);
        }
        let answer = match inspections.check_login(wanted.arn, wanted.version).await {
            Ok(answer) if answer.version_id == wanted.version => answer,
            Ok(answer) => return Ok(Checked::Unknown(format!("the answer is about {}", answer.version_id))),
            Err(error) => return Ok(Checked::Unknown(error.in_words())),
        };
        let problem = answer.problem.as_ref().map(|problem| problem.message.clone());
        match answer.login {
            Login::Accepted => Ok(Checked::Accepted),
            Login::Unknown => {
                Ok(Checked::Unknown(problem.unwrap_or_else(|| "no reason was given".to_owned())))
            }
            Login::Refused => Err(self.hold(existing, answer, problem).await),
        }
    }

    /// Whether the object was written for the version by somebody who vouches for it.
    pub(crate) fn is_vouched_for(self, existing: Option<&Value>) -> bool {
        existing.is_some_and(|object| {
            written_version(object) == Some(self.wanted.version) && !is_unchecked(object)
        })
    }

    async fn hold(
        self,
        existing: Option<&Value>,
        answer: LoginCheck,
        problem: Option<String>,
    ) -> DeliveryError {
        let cluster = match existing {
            None => InsteadOfIt::Nothing,
            Some(object) if written_version(object) == Some(self.wanted.version) => InsteadOfIt::TheVersion,
            Some(_) => self.keep().await,
        };
        DeliveryError::HeldBack(Box::new(Held {
            secret: self.wanted.arn.to_owned(),
            version: self.wanted.version.to_owned(),
            user: answer.user,
            working: answer.working_version_id,
            problem,
            cluster,
        }))
    }

    /// Makes the object name the version that it has delivered last. Otherwise the operator would read the refused version by
    /// itself, within the hour.
    ///
    /// Reads the object again, because the check takes seconds. Meanwhile, another request may have delivered a newer version.
    async fn keep(self) -> InsteadOfIt {
        let object = match self.current().await {
            Ok(object) => object.unwrap_or_default(),
            Err(error) => return self.not_pinned(&error, &Value::Null),
        };
        match self.pin(&object).await {
            Ok(Some(before)) => InsteadOfIt::Pinned(before),
            Ok(None) => InsteadOfIt::UntilRefresh(next_refresh(&object)),
            Err(error) => self.not_pinned(&error, &object),
        }
    }

    fn not_pinned(self, error: &ApiError, object: &Value) -> InsteadOfIt {
        tracing::warn!("the ExternalSecret {} could not be pinned: {error}", self.wanted.route);
        InsteadOfIt::UntilRefresh(next_refresh(object))
    }

    /// The version to which the object is pinned now. None if the object belongs to GitOps. Safe to repeat.
    ///
    /// # Errors
    /// What the API server answered: a conflict if the object has changed since it was read.
    async fn pin(self, object: &Value) -> Result<Option<String>, ApiError> {
        let route = self.wanted.route;
        let Some(before) = written_version(object).filter(|_| route.mode != Mode::Refresh) else {
            return Ok(None);
        };
        let mut wanted = pinned(self.wanted, before);
        wanted["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
        self.api.apply(route, &wanted, false).await?;
        tracing::warn!(
            secret.arn = self.wanted.arn,
            "the ExternalSecret {route} stays at version {before}, because the broker refuses version {}",
            self.wanted.version
        );
        Ok(Some(before.to_owned()))
    }
}
