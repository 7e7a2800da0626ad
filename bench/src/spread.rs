//! Several measurements of one thing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The spread of several times, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spread {
    /// Half of the times are longer.
    pub median_us: u64,
    /// One time in ten is longer.
    pub p90_us: u64,
    /// The shortest time.
    pub fastest_us: u64,
    /// The longest time.
    pub slowest_us: u64,
    /// The number of times.
    pub runs: usize,
}

impl Spread {
    /// If there are no times, all values are zero.
    #[must_use]
    pub fn of(times: &[Duration]) -> Self {
        let mut times: Vec<u64> =
            times.iter().map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).collect();
        times.sort_unstable();
        // The nearest rank: at least this part of the times is as short.
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1);
            times.get(rank - 1).copied().unwrap_or_default()
        };
        Self { median_us: at(50), p90_us: at(90), fastest_us: at(0), slowest_us: at(100), runs: times.len() }
    }

    /// The median, such as `218 ms`.
    #[must_use]
    pub fn median(&self) -> String {
        milliseconds(self.median_us)
    }

    /// The median with the other values, such as `218 ms (210 / 240 / 251)`: fastest, 90th percentile, slowest.
    #[must_use]
    pub fn whole(&self) -> String {
        let [fastest, p90, slowest] = [self.fastest_us, self.p90_us, self.slowest_us].map(number);
        format!("{} ({fastest} / {p90} / {slowest})", self.median())
    }
}

/// A time in milliseconds, such as `9.4 ms` or `1,507 ms`.
#[must_use]
pub fn milliseconds(us: u64) -> String {
    format!("{} ms", number(us))
}

/// One decimal below 100 ms.
fn number(us: u64) -> String {
    if us < 99_950 {
        let tenths = (us + 50) / 100;
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        thousands((us + 500) / 1_000)
    }
}

/// A number with commas, such as `1,507`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Kilobytes as `11.3 MB`.
#[must_use]
pub fn megabytes(kb: u64) -> String {
    let tenths = (kb + 50) / 100;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_any_order_and_of_nothing() {
        let times: Vec<_> = (1..=20).rev().map(Duration::from_millis).collect();
        let spread = Spread::of(&times);
        let found = [spread.fastest_us, spread.median_us, spread.p90_us, spread.slowest_us];
        assert_eq!(found, [1_000, 10_000, 18_000, 20_000]);
        assert_eq!(spread.runs, 20);
        assert_eq!(Spread::of(&[]), Spread::default());
        let one = Spread::of(&[Duration::from_millis(7)]);
        assert_eq!([one.fastest_us, one.median_us, one.slowest_us], [7_000; 3]);
    }

    #[test]
    fn a_number_has_as_many_digits_as_it_is_worth() {
        for (us, expected) in [
            (9_449, "9.4 ms"),
            (99_949, "99.9 ms"),
            (99_950, "100 ms"),
            (218_499, "218 ms"),
            (1_507_000, "1,507 ms"),
            (0, "0.0 ms"),
        ] {
            assert_eq!(milliseconds(us), expected);
        }
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(megabytes(11_264), "11.3 MB");
    }
}
