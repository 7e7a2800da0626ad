//! How far a thread is with its inputs, seen from outside of it. No code can end a parser that never ends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How far a thread is.
#[derive(Debug, Default)]
pub struct Progress {
    input: AtomicU64,
    calls: AtomicU64,
}

impl Progress {
    /// The thread has reached an input.
    pub fn at(&self, input: u64) {
        self.input.store(input, Ordering::Relaxed);
    }

    /// The thread calls the parser. It does so several times for one input, for example to make it smaller.
    pub fn calls(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins to watch the thread.
    pub fn watched(&self) -> Watched<'_> {
        Watched { progress: self, calls: self.calls.load(Ordering::Relaxed), since: Instant::now() }
    }
}

/// A thread that is watched.
#[derive(Debug)]
pub struct Watched<'p> {
    progress: &'p Progress,
    calls: u64,
    since: Instant,
}

impl Watched<'_> {
    /// The input whose call has lasted longer than `limit`, as far as repeated calls of this method can see.
    pub fn stuck(&mut self, limit: Duration) -> Option<u64> {
        let calls = self.progress.calls.load(Ordering::Relaxed);
        if calls != self.calls {
            (self.calls, self.since) = (calls, Instant::now());
        }
        (self.since.elapsed() > limit).then(|| self.progress.input.load(Ordering::Relaxed))
    }
}
