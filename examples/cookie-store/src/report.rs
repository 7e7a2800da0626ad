//! The counts of a service, and its longest pause.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The counts in the final report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Sent messages, including copies.
    pub published: u64,
    /// Orders that the broker has confirmed.
    pub confirmed: u64,
    /// Copies of orders that were sent before.
    pub resent: u64,
    /// Orders that were taken, but not confirmed at the end.
    pub unconfirmed: u64,
    /// Received messages, including copies.
    pub received: u64,
    /// Received messages that the broker marked as redelivered.
    pub redelivered: u64,
    /// Received messages that were dropped, because the order was done already.
    pub duplicates: u64,
    /// Received messages that are not orders.
    pub unreadable: u64,
    /// Connections that were replaced by a connection with new credentials.
    pub replaced: u64,
    /// Connections that were lost.
    pub lost: u64,
    /// The longest time without progress, between the first order and the last.
    pub longest_pause_ms: u64,
    #[serde(skip)]
    last_progress: Option<Instant>,
}

impl Counts {
    /// The number of processed messages, for any service.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.confirmed + self.received
    }

    /// Records that an order was confirmed or done.
    pub fn progress(&mut self, now: Instant) {
        let pause = self.last_progress.map_or(Duration::ZERO, |last| now.duration_since(last));
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.longest_pause_ms = self.longest_pause_ms.max(pause_ms);
        self.last_progress = Some(now);
    }
}

/// The last line that a service prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The name of the service.
    pub service: String,
    /// Its counts.
    #[serde(flatten)]
    pub counts: Counts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_lies_between_two_orders_and_not_before_the_first() {
        let start = Instant::now();
        let mut counts = Counts::default();
        for after_ms in [5_000, 5_010, 5_300, 5_310] {
            counts.progress(start + Duration::from_millis(after_ms));
        }
        assert_eq!(counts.longest_pause_ms, 290);
    }

    #[test]
    fn the_report_reads_as_one_flat_object() -> Result<(), serde_json::Error> {
        let report =
            Report { service: "payment".to_owned(), counts: Counts { confirmed: 7, ..Counts::default() } };
        let json = serde_json::to_value(&report)?;
        assert_eq!((json["service"].as_str(), json["confirmed"].as_u64()), (Some("payment"), Some(7)));
        assert_eq!(serde_json::from_value::<Report>(json)?.counts, report.counts);
        Ok(())
    }
}
