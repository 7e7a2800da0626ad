//! Waits for a turn when AWS refuses a call because the account makes too many calls of that operation.
//!
//! The SDK's own attempts are over within seconds. In a storm of rotations, a call waits longer: `RotateSecret` may start
//! 50 rotations a second, and the calls that store and promote their values may end 25. At its worst, 500 calls wait for
//! 50 turns a second.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>

use std::time::Duration;

use tokio::time::Instant;

/// The pause before the first repetition, and the shortest. A call that has waited longer is repeated more often. Otherwise,
/// some calls would lose their turn to newer ones until their step ends.
const FIRST: Duration = Duration::from_secs(2);
const SHORTEST: Duration = Duration::from_millis(250);
/// Kept back for the other calls of the same step.
const KEPT_BACK: Duration = Duration::from_secs(5);

tokio::task_local! {
    static GIVE_UP: Instant;
}

/// Runs `work`, which has to end within `limit`. Until shortly before, [`patiently`] repeats its calls.
pub async fn within<F: Future>(limit: Duration, work: F) -> F::Output {
    GIVE_UP.scope(Instant::now() + limit.saturating_sub(KEPT_BACK), work).await
}

/// Repeats `call` while AWS throttles it. Outside of [`within`], it is called once.
///
/// # Errors
/// The error of the last call.
pub async fn patiently<T, E>(
    mut call: impl AsyncFnMut() -> Result<T, E>,
    is_throttled: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let give_up = GIVE_UP.try_with(|at| *at).unwrap_or_else(|_| Instant::now());
    let mut pause = FIRST;
    loop {
        let answer = call().await;
        if !answer.as_ref().is_err_and(&is_throttled) || Instant::now() + pause > give_up {
            return answer;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 4).max(SHORTEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AwsError;

    fn refused(code: &str) -> AwsError {
        let (code, message) = (code.to_owned(), String::new());
        AwsError::Refused { service: "Secrets Manager", operation: "PutSecretValue", code, message }
    }

    async fn calls(limit: Duration, code: &str, served: usize) -> (usize, bool) {
        let mut calls = 0;
        let call = async || {
            calls += 1;
            if calls >= served { Ok(()) } else { Err(refused(code)) }
        };
        let answer = within(limit, patiently(call, AwsError::is_throttled)).await;
        (calls, answer.is_ok())
    }

    #[tokio::test]
    async fn a_throttled_call_is_repeated_as_long_as_its_step_has_time() {
        let long = KEPT_BACK + FIRST * 2;
        for (limit, code, served, expected) in [
            (long, "ThrottlingException", 2, (2, true)),
            (long, "AccessDeniedException", 2, (1, false)),
            (KEPT_BACK, "ThrottlingException", 2, (1, false)),
        ] {
            assert_eq!(calls(limit, code, served).await, expected, "{limit:?}, {code}");
        }
    }

    #[tokio::test]
    async fn without_a_step_a_call_is_not_repeated() {
        let call = async || Err::<(), _>(refused("ThrottlingException"));
        let answer = patiently(call, AwsError::is_throttled).await;
        assert!(answer.is_err());
    }
}
