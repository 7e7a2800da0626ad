//! Whether a listed connection still has a client. Pure.

use crate::management_api::ConnectionDetails;

/// Without heartbeats, a connection counts as dead after this many seconds of silence.
const SILENCE_WITHOUT_HEARTBEAT: u64 = 60;
/// Statistics are sampled every 5 s and collected every 5 s.
const SAMPLING: u64 = 10;

/// Whether the client is gone although the connection is still listed. A connection that its client has closed stays listed
/// for up to 30 s, until the broker closes its socket. It can no longer do anything.
pub(super) fn is_gone(details: &ConnectionDetails) -> bool {
    details.state.as_deref() == Some("closed") || is_silent(details)
}

/// Whether nothing was received for so long that the client must be dead. A live client sends at least a heartbeat in the
/// negotiated time. A connection that is too new to decide counts as live.
fn is_silent(details: &ConnectionDetails) -> bool {
    let heartbeat = details.timeout.filter(|seconds| *seconds > 0).unwrap_or(SILENCE_WITHOUT_HEARTBEAT);
    let window_ms = (heartbeat + SAMPLING) * 1_000;
    let Some(newest) = details.received().iter().max_by_key(|sample| sample.at_ms) else { return false };
    // The samples from before a connection was opened are 0, so an equal sample proves that it is old enough.
    newest.bytes > 0
        && details
            .received()
            .iter()
            .any(|sample| newest.at_ms - sample.at_ms >= window_ms && sample.bytes == newest.bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One sample every 5 s, newest first, as the broker answers them.
    fn details(heartbeat: u64, bytes_newest_first: &[u64]) -> Result<ConnectionDetails, serde_json::Error> {
        let samples: Vec<_> = bytes_newest_first
            .iter()
            .zip(0_u64..)
            .map(|(bytes, age)| json!({"sample": bytes, "timestamp": 1_000_000 - age * 5_000}))
            .collect();
        serde_json::from_value(json!({"timeout": heartbeat, "recv_oct_details": {"samples": samples}}))
    }

    #[test]
    fn a_connection_is_dead_when_it_missed_a_heartbeat_and_not_before() -> Result<(), serde_json::Error> {
        let cases: [(u64, &[u64], bool, &str); 7] = [
            (10, &[406, 406, 406, 406, 406], true, "silent for 20 s"),
            (10, &[406, 406, 406, 406, 398], false, "silent for 15 s only"),
            (10, &[406, 406, 0, 0, 0, 0], false, "opened 5 s ago"),
            (10, &[430, 422, 414, 406, 398], false, "a heartbeat every 5 s"),
            (0, &[406; 14], false, "no heartbeat, silent for 65 s"),
            (0, &[406; 15], true, "no heartbeat, silent for 70 s"),
            (10, &[], false, "statistics are off"),
        ];
        for (heartbeat, bytes, expected, what) in cases {
            assert_eq!(is_silent(&details(heartbeat, bytes)?), expected, "{what}");
        }
        assert!(!is_silent(&ConnectionDetails::default()));
        Ok(())
    }

    #[test]
    fn a_client_that_said_goodbye_is_gone_although_its_connection_is_listed() -> Result<(), serde_json::Error>
    {
        for (state, expected) in [("closed", true), ("closing", false), ("running", false), ("flow", false)] {
            assert_eq!(is_gone(&serde_json::from_value(json!({"state": state}))?), expected, "{state}");
        }
        Ok(())
    }
}
