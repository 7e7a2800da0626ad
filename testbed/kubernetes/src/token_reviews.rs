//! The token webhook's answer for each bearer token, to explain a failed login.

use anyhow::{Context as _, Result};

use super::Kubernetes;

/// One review, without the token.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct TokenReview {
    /// The time, in the format of RFC 3339.
    pub time: String,
    /// The user, if the token was accepted.
    pub user: Option<TokenUser>,
    /// Why the token was refused.
    pub refused: Option<String>,
}

/// The cluster's user for an accepted token.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct TokenUser {
    /// The access entry's username, with the session's name filled in.
    pub username: String,
    /// The access entry's groups. The API server adds `system:authenticated`.
    #[serde(default)]
    pub groups: Vec<String>,
}

impl Kubernetes {
    /// Every review so far, oldest first. For an accepted token, the API server asks once in 10 s.
    ///
    /// # Errors
    /// When the webhook's log cannot be read.
    pub fn token_reviews(&self) -> Result<Vec<TokenReview>> {
        let log = self.log("token-webhook");
        let text = std::fs::read_to_string(&log).with_context(|| log.display().to_string())?;
        let lines = text.lines().filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }
}
