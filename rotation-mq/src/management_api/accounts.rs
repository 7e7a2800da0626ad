//! Creates, changes and deletes users.

use serde_json::json;

use super::error::Failure;
use super::{ApiError, ManagementApi};
use crate::ownership::Mark;
use crate::password::{HASHING_ALGORITHM, StoredPassword};

impl ManagementApi<'_> {
    /// Creates `user` or replaces its tags and password, and sets the mark of the secret that it belongs to. The hash is
    /// required: without one, the broker would erase the password of an existing user.
    ///
    /// If a broker does not accept tags of this form, the request is sent again without the mark. Then a login has to prove
    /// whom the user belongs to.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn put_user<'t>(
        self,
        user: &str,
        tags: impl IntoIterator<Item = &'t String>,
        mark: &'t Mark,
        password_hash: &str,
    ) -> Result<(), ApiError> {
        self.put_account(user, mark.with(tags), HASHING_ALGORITHM, password_hash).await
    }

    /// Replaces the tags of `user` and sets the mark, and writes the password that the broker stores for it once more.
    /// Returns `false` if the broker does not show what it stores. Nothing was written then.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn put_tags<'t>(
        self,
        user: &str,
        tags: impl IntoIterator<Item = &'t String>,
        mark: &'t Mark,
        stored: &StoredPassword,
    ) -> Result<bool, ApiError> {
        let Some((algorithm, hash)) = stored.shown() else { return Ok(false) };
        self.put_account(user, mark.with(tags), algorithm, hash).await?;
        Ok(true)
    }

    /// Deletes `user` with everything that is granted to it. The broker closes its connections. It is not an error if there
    /// is no such user.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn delete_user(self, user: &str) -> Result<(), ApiError> {
        self.delete(&["users", user]).await
    }

    async fn put_account(
        self,
        user: &str,
        mut tags: Vec<&str>,
        algorithm: &str,
        hash: &str,
    ) -> Result<(), ApiError> {
        let body = |tags: &[&str]| json!({"password_hash": hash, "hashing_algorithm": algorithm, "tags": tags.join(",")});
        match self.put(&["users", user], &body(&tags)).await {
            Err(ApiError { failure: Failure::Status { status: 400, .. }, .. }) => {
                tags.retain(|tag| !Mark::is_mark(tag));
                self.put(&["users", user], &body(&tags)).await
            }
            other => other,
        }
    }
}
