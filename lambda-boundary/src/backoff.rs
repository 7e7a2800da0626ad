//! Repeats an operation that may succeed a moment later.

use std::time::Duration;

/// How often an operation is repeated, and the pause before each repetition. Each pause is one and a half times the pause
/// before it, up to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause before the first repetition.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How often it is repeated at most.
    pub repetitions: u32,
}

impl Backoff {
    /// Pauses of the same length.
    #[must_use]
    pub const fn every(pause: Duration, repetitions: u32) -> Self {
        Self { first: pause, longest: pause, repetitions }
    }

    /// Tries, and repeats while the answer is one `to_repeat`. Returns the last answer.
    pub async fn run<T>(self, mut attempt: impl AsyncFnMut() -> T, to_repeat: impl Fn(&T) -> bool) -> T {
        let answer = attempt().await;
        self.again(answer, attempt, to_repeat).await
    }

    /// As [`Self::run`], after a first attempt with this `answer`.
    pub async fn again<T>(
        self,
        mut answer: T,
        mut attempt: impl AsyncFnMut() -> T,
        to_repeat: impl Fn(&T) -> bool,
    ) -> T {
        for pause in self.pauses() {
            if !to_repeat(&answer) {
                break;
            }
            tokio::time::sleep(pause).await;
            answer = attempt().await;
        }
        answer
    }

    fn pauses(self) -> impl Iterator<Item = Duration> {
        let longer = move |pause: &Duration| Some((*pause * 3 / 2).min(self.longest));
        std::iter::successors(Some(self.first), longer).take(self.repetitions as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pauses = |first: u64, longest: u64, repetitions: u32| -> Vec<u128> {
            let (first, longest) = (Duration::from_millis(first), Duration::from_millis(longest));
            Backoff { first, longest, repetitions }.pauses().map(|pause| pause.as_millis()).collect()
        };
        assert_eq!(pauses(40, 70, 4), [40, 60, 70, 70]);
        assert_eq!(pauses(500, 500, 3), [500, 500, 500]);
        assert_eq!(pauses(500, 500, 0), Vec::<u128>::new());
    }

    #[tokio::test]
    async fn what_fails_is_repeated_until_it_succeeds_and_not_for_ever() {
        let backoff = Backoff::every(Duration::ZERO, 3);
        for (succeeds, expected) in [(1, (1, true)), (2, (2, true)), (4, (4, true)), (9, (4, false))] {
            let mut attempts = 0;
            let attempt = async || {
                attempts += 1;
                attempts >= succeeds
            };
            let has_succeeded = backoff.run(attempt, |succeeded| !succeeded).await;
            assert_eq!((attempts, has_succeeded), expected, "{succeeds}");
        }
    }
}
