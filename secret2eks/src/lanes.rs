//! Several calls at once, but not too many for the API server, AWS and the memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Runs `work` for each item, eight at a time, in their order.
pub(crate) async fn in_lanes<T>(items: Vec<T>, work: impl AsyncFn(T)) {
    let queue = Mutex::new(items.into_iter());
    let next = || locked(&queue).next();
    let lane = async || {
        while let Some(item) = next() {
            work(item).await;
        }
    };
    tokio::join!(lane(), lane(), lane(), lane(), lane(), lane(), lane(), lane());
}

/// What the lanes share. Nothing panics while it holds the lock, so the state is never half written.
pub(crate) fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn each_item_is_worked_on_once_and_eight_at_a_time() {
        let (done, running) = (Mutex::new(Vec::new()), Mutex::new((0, 0)));
        in_lanes((0..20).collect(), async |item: u32| {
            if let Ok(mut running) = running.lock() {
                running.0 += 1;
                running.1 = running.1.max(running.0);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            if let (Ok(mut running), Ok(mut done)) = (running.lock(), done.lock()) {
                running.0 -= 1;
                done.push(item);
            }
        })
        .await;
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_unstable();
        assert_eq!(done, (0..20).collect::<Vec<_>>());
        assert_eq!(running.into_inner().unwrap_or_default(), (0, 8));
    }
}
