//! What the token webhook said about each bearer token, so that a failed login can be explained.

use anyhow::{Context as _, Result};

use super::Kubernetes;

/// One review, without the token.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct TokenReview {
    /// When, RFC 3339.
    pub time: String,
    /// Who came, if the token was accepted.
    pub user: Option<TokenUser>,
    /// Why the token was refused.
    pub refused: Option<String>,
}

/// Who an accepted token belongs to, in the cluster.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct TokenUser {
    /// The access entry's, with the session's name in place.
    pub username: String,
    /// The access entry's; the API server adds `system:authenticated`.
    #[serde(default)]
    pub groups: Vec<String>,
}

impl Kubernetes {
    /// Every review so far, the oldest first. The API server asks once in 10 s for an accepted token.
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
