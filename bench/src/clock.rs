//! The date and the time of day. The command line and the Runtime API need them; everything else takes them as arguments.

use std::time::{Duration, UNIX_EPOCH};

/// The milliseconds since 1970.
pub fn milliseconds() -> u128 {
    // A clock before 1970 is wrong anyway.
    UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO).as_millis()
}

/// The day, in UTC.
#[expect(clippy::disallowed_methods, reason = "a report has a date")]
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// The moment, in the form of RFC 3339.
#[expect(clippy::disallowed_methods, reason = "a failure notice has a time")]
pub fn moment() -> String {
    jiff::Timestamp::now().to_string()
}
