//! Planned changes of a user's grants as requests.

use reqwest::Method;
use serde_json::json;

use super::error::Failure;
use super::{ApiError, ManagementApi};
use crate::grants::{Change, is_unnameable};

impl ManagementApi<'_> {
    /// The error of a change that no request can name, because its vhost is named `.` or `..`. It must be checked before
    /// anything is written.
    #[must_use]
    pub fn unnameable(self, change: &Change) -> Option<ApiError> {
        let (Change::GrantTopic((vhost, _), _)
        | Change::RevokeTopic((vhost, _))
        | Change::ReplaceVhost(vhost, _)
        | Change::GrantVhost(vhost, _)
        | Change::RevokeVhost(vhost)
        | Change::ClearTopics(vhost)) = change
        else {
            return None;
        };
        is_unnameable(vhost).then(|| self.error(&Method::PUT, &["permissions", vhost], Failure::Unnameable))
    }

    /// Applies one planned change to `user`. Tags are written with the password: see [`ManagementApi::put_user`].
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn apply(self, user: &str, change: &Change) -> Result<(), ApiError> {
        match change {
            Change::GrantTopic((vhost, exchange), topic) => {
                let body = json!({"exchange": exchange, "write": topic.write, "read": topic.read});
                self.put(&["topic-permissions", vhost, user], &body).await
            }
            Change::ReplaceVhost(vhost, permission) | Change::GrantVhost(vhost, permission) => {
                let body = json!({
                    "configure": permission.configure, "write": permission.write, "read": permission.read,
                });
                self.put(&["permissions", vhost, user], &body).await
            }
            Change::SetLimit(name, value) => {
                self.put(&["user-limits", user, name], &json!({"value": value})).await
            }
            Change::ClearTopics(vhost) => self.delete(&["topic-permissions", vhost, user]).await,
            Change::RevokeVhost(vhost) => self.delete(&["permissions", vhost, user]).await,
            Change::RevokeTopic((vhost, exchange)) => {
                self.delete(&["topic-permissions", vhost, user, exchange]).await
            }
            Change::ClearLimit(name) => self.delete(&["user-limits", user, name]).await,
        }
    }
}
