//! Handles a broker of several nodes behind one load balancer. What was just written on one node may be unknown to another
//! for a moment. <https://github.com/rabbitmq/rabbitmq-management/issues/441>

use std::time::{Duration, Instant};

/// How long a node may lag behind, as people report who run such clusters.
const LAG: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(500);

/// Asks again while the answer may come from a node that lags behind.
pub async fn agree<T>(ask: impl AsyncFnMut() -> T, may_lag: impl Fn(&T) -> bool) -> T {
    ask_again(ask, may_lag, LAG, PAUSE).await
}

async fn ask_again<T>(
    mut ask: impl AsyncFnMut() -> T,
    may_lag: impl Fn(&T) -> bool,
    lag: Duration,
    pause: Duration,
) -> T {
    let started = Instant::now();
    let mut answer = ask().await;
    while may_lag(&answer) && started.elapsed() < lag {
        tokio::time::sleep(pause).await;
        answer = ask().await;
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lagging_node_is_asked_again_and_not_for_ever() {
        let long = Duration::from_mins(1);
        for (lags, limit, expected, times) in [
            (0, long, true, 1),
            (3, long, true, 4),
            (0, Duration::ZERO, true, 1),
            (3, Duration::ZERO, false, 1),
        ] {
            let mut asked = 0;
            let ask = async || {
                asked += 1;
                asked > lags
            };
            assert_eq!(ask_again(ask, |knows| !knows, limit, Duration::ZERO).await, expected, "{lags}");
            assert_eq!(asked, times, "{lags}");
        }
    }
}
