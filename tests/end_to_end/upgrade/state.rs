//! The possible states of a pair of version 0.1, and its rotations after the update.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::aws::Token;
use testbed::cloud::App;

use super::LIMIT;
use super::stack::Stack;
use crate::support::converged;

/// More than the number of versions that the rotation function checks for a login of the other user.
const ATTEMPTS: usize = 12;

/// A state of a pair of version 0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    NeverRotated,
    AtRest,
    Single,
    /// createSecret and setSecret are done. Secrets Manager continues with the same token.
    HalfSameToken,
    /// The same, and AWSPENDING is removed. The next attempt has a new token.
    HalfNewToken,
    /// The same, and the version whose password was set is older than the versions that the function checks.
    HalfForgotten,
    RevokedAndRotated,
    Revoked,
}

impl State {
    pub const ALL: [Self; 8] = [
        Self::NeverRotated,
        Self::AtRest,
        Self::Single,
        Self::HalfSameToken,
        Self::HalfNewToken,
        Self::HalfForgotten,
        Self::RevokedAndRotated,
        Self::Revoked,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::NeverRotated => "never-rotated",
            Self::AtRest => "at-rest",
            Self::Single => "single",
            Self::HalfSameToken => "half-same-token",
            Self::HalfNewToken => "half-new-token",
            Self::HalfForgotten => "half-forgotten",
            Self::RevokedAndRotated => "revoked-and-rotated",
            Self::Revoked => "revoked",
        }
    }

    pub fn changes(self) -> Value {
        match self {
            Self::Single => json!({"rotationStrategy": "single"}),
            _ => json!({}),
        }
    }

    fn is_half_done(self) -> bool {
        matches!(self, Self::HalfSameToken | Self::HalfNewToken | Self::HalfForgotten)
    }

    /// In these states, the other user could belong to somebody else.
    fn needs_a_hand(self) -> bool {
        matches!(self, Self::HalfForgotten | Self::Revoked)
    }
}

impl Stack<'_> {
    /// Creates a new pair in that state. Returns the token of the unfinished rotation.
    pub async fn leave(&self, pair: &App, state: State) -> Result<Option<String>> {
        if state == State::NeverRotated {
            return Ok(None);
        }
        let first = self.cloud.version(&pair.arn, "AWSCURRENT").await?.context("nothing is current")?;
        self.rotates(pair).await?;
        match state {
            State::Revoked | State::RevokedAndRotated => {
                let revoke = json!({"Action": "revokePrevious", "SecretId": pair.arn, "VersionId": first});
                self.cloud.invoke_function(&self.variant.function, &revoke).await?.value()?;
            }
            _ => {}
        }
        if state != State::Revoked {
            self.rotates(pair).await?;
        }
        if !state.is_half_done() {
            return Ok(None);
        }
        let token = self.begins(pair).await?;
        self.steps(pair, &token, &["createSecret", "setSecret"]).await?;
        for _ in 0..if state == State::HalfForgotten { ATTEMPTS } else { 0 } {
            self.take_pending_off(pair).await?;
            let token = self.begins(pair).await?;
            self.steps(pair, &token, &["createSecret"]).await?;
        }
        Ok(Some(token))
    }

    /// Rotates the pair twice. If its state needs manual work, rotation fails until the other user is adopted.
    pub async fn goes_on(&self, pair: &App, state: State, half_done: Option<&str>) -> Result<()> {
        match (state, half_done) {
            (State::HalfSameToken, Some(token)) => {
                self.cloud.aws.resume_rotation(&pair.arn, Token::Same).await?;
                let rotation = self.cloud.aws.wait_for_rotation(&pair.arn, Some(token), LIMIT).await?;
                ensure!(rotation.outcome == "succeeded", "{rotation:?}");
            }
            (_, Some(_)) => self.take_pending_off(pair).await?,
            (_, None) => {}
        }
        if state.needs_a_hand() {
            self.is_refused_until_adopted(pair).await?;
        }
        for _ in 0..2 {
            let version = self.rotates(pair).await?;
            if state == State::Single {
                let current = self.cloud.value(&pair.arn, "AWSCURRENT").await?;
                ensure!(self.cloud.logs_in(&current).await?, "AWSCURRENT does not log in");
            } else {
                converged(self.cloud, &pair.user, &pair.arn, &version).await?;
            }
        }
        Ok(())
    }

    async fn is_refused_until_adopted(&self, pair: &App) -> Result<()> {
        let refused = self.attempt(pair).await?;
        let steps = refused.attempts.last().map(|attempt| attempt.steps.as_slice()).unwrap_or_default();
        let kinds: Vec<_> = steps.iter().filter_map(|step| step.error_type.as_deref()).collect();
        ensure!(kinds == ["pair.taken"], "it should have been refused as pair.taken: {refused:?}");
        let current = self.cloud.value(&pair.arn, "AWSCURRENT").await?;
        ensure!(self.cloud.logs_in(&current).await?, "AWSCURRENT does not log in");
        self.take_pending_off(pair).await?;
        let other = match current["username"].as_str().unwrap_or_default().strip_suffix("_clone") {
            Some(first) => first.to_owned(),
            None => format!("{}_clone", pair.user),
        };
        let adopt = json!({"Action": "adopt", "SecretId": pair.arn, "User": other, "By": "jane.doe",
            "Reason": "left by version 0.1"});
        let secops = self.variant.stack.output("IncidentFunctionName")?;
        self.cloud.invoke_function(secops, &adopt).await?.value()?;
        Ok(())
    }
}
