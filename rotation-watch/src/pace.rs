//! Lets calls begin at regular times, so that they leave a part of an AWS quota to others.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// One turn in each interval, whoever asks for it.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// Turns that are at least `interval` apart.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Waits for the next turn that nobody has.
    pub async fn turn(&self) {
        let turn = self.reserve(Instant::now());
        sleep_until(turn).await;
    }

    /// A turn that was not used in time is lost. So no burst follows a pause.
    fn reserve(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = now.max(*next);
        *next = turn + self.interval;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_an_interval_apart_also_after_a_pause() {
        let interval = Duration::from_secs(1);
        let pace = Pace::new(interval);
        let began = Instant::now() + interval;
        let turns = [0, 0, 0, 10, 10].map(|asked| (pace.reserve(began + interval * asked) - began).as_secs());
        assert_eq!(turns, [0, 1, 2, 10, 11]);
    }
}
