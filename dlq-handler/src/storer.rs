//! Who stored a value that does not log in. CloudTrail's event and the failure of the delivery arrive in any order.

use contract::{Area, Kind};

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::{Record, Sender};
use crate::incidents::table;
use crate::message::{Failure, Stored};

impl DlqHandler {
    /// The failure with who stored its version, if that is known.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn name_storer(&self, mut failure: Failure) -> Result<Failure, HandlerError> {
        if let (Kind::DeliveryHeldBack, Area::Delivery, Some(version)) =
            (failure.kind, failure.area, failure.detail.version.as_deref())
        {
            let stored = self.table.storer(&failure.subject, version).await;
            failure.detail.stored_by = stored.map_err(table(&failure.subject))?;
        }
        Ok(failure)
    }

    /// Remembers who stored a version, for a day. If its incident is open already, people are notified once more.
    ///
    /// # Errors
    /// When the table does not answer, or people cannot be notified. It is safe to repeat.
    pub async fn remember_storer(&self, stored: Stored, sender: &Sender) -> Result<(), HandlerError> {
        let Some(secret) = self.complete(&stored.secret, Area::Delivery).await else {
            tracing::info!(secret.arn = stored.secret, "a value was stored in a secret that does not exist");
            return Ok(());
        };
        let words = stored.words();
        let written = self.table.remember_storer(&secret, &stored.version, &words, (self.now)()).await;
        written.map_err(table(&secret))?;
        let explain = |record: &mut Record, now| record.explain(&stored.version, &words, now);
        self.change(&secret, Area::Delivery, sender, explain).await.map(drop)
    }
}
