//! Times and durations for people.

use jiff::{SignedDuration, Timestamp};

/// A time, to the minute, in UTC.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// How long ago a time is, or how long until it: `3 min ago`, `in 2 d`.
#[must_use]
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at);
    if passed.is_negative() { format!("in {}", rough(-passed)) } else { format!("{} ago", rough(passed)) }
}

/// A duration in its greatest unit.
#[must_use]
pub fn rough(duration: SignedDuration) -> String {
    match duration.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 2 * 3_600 => format!("{} min", seconds / 60),
        seconds if seconds < 2 * 86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Seconds with one digit behind the point.
#[must_use]
pub fn seconds(duration: std::time::Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_unit() {
        for (seconds, expected) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_200, "2 h"),
            (172_800, "2 d"),
            (8_640_000, "100 d"),
        ] {
            assert_eq!(rough(SignedDuration::from_secs(seconds)), expected);
        }
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(300).unwrap());
        assert_eq!(relative(early, late), "5 min ago");
        assert_eq!(relative(late, early), "in 5 min");
    }
}
