//! What a run costs at most, from the public prices of us-east-1 (November 2026). Other regions differ by some percent.

/// A month has 730 hours, as AWS counts.
const HOURS: f64 = 730.0;

/// What a run makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Secrets, each for `hours`.
    pub secrets: u32,
    /// Keys of KMS. A key that is scheduled for deletion costs nothing.
    pub keys: u32,
    /// Alarms of CloudWatch.
    pub alarms: u32,
    /// How long they exist.
    pub hours: f64,
}

impl Plan {
    /// A run: its secrets, two keys, two alarms. With `--keep`, two secrets and the stack stay for a day.
    #[must_use]
    pub fn of(rows: usize, is_kept: bool) -> Self {
        // A row makes one or two secrets.
        let secrets = u32::try_from(rows.saturating_mul(2)).unwrap_or(u32::MAX);
        Self { secrets, keys: 2, alarms: 2, hours: if is_kept { 26.0 } else { 1.0 } }
    }

    /// US dollars, rounded up to a cent.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        let share = self.hours / HOURS;
        let standing =
            (f64::from(self.secrets) * 0.40 + f64::from(self.keys) * 1.00 + f64::from(self.alarms) * 0.10)
                * share;
        // 0.05 for each 10,000 calls of Secrets Manager; the others cost less. A run makes some thousand.
        let calls = 0.05;
        ((standing + calls) * 100.0).ceil() / 100.0
    }
}

/// A run that would cost more is refused.
pub const MOST_DOLLARS: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_costs_less_than_a_dollar_also_if_it_is_kept_for_a_day() {
        let short = Plan::of(60, false).dollars();
        assert!((0.05..0.25).contains(&short), "{short}");
        let kept = Plan::of(60, true).dollars();
        assert!(kept > short && kept < MOST_DOLLARS, "{kept}");
    }
}
