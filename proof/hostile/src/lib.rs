//! Hostile input: valid documents, changed in their structure and in their bytes, for every parser of the suite.
//!
//! A test names its parser ([`Target`]), gives valid documents, and reports what the parser made of an input ([`Report`]).
//! [`run`] makes inputs from the documents and checks of each: the parser does not panic, it ends within a time, its report
//! is short, each error names a field, and the report contains no part of a [`canary`]. A test can assert more in its closure.
//!
//! Each input is a function of the seed, the name of the target and its number, so a run can be repeated. An input that
//! breaks a rule is made smaller and stored in `corpus/TARGET`. Later runs begin with the inputs there. If an input never ends
//! or exhausts the stack, the program ends after it has printed the number of the input or a range of numbers.
//! `cargo xtask fuzz` sets the variables of [`limits::Limits`]; without them, a run is short.

mod bytes;
pub mod canary;
mod corpus;
mod figures;
mod input;
mod judge;
pub mod limits;
pub mod memory;
mod progress;
mod random;
mod report;
mod values;

use std::io::Write as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use self::canary::CANARIES;
use self::figures::Figures;
pub use self::input::{Input, Words, words};
use self::judge::{Checked, Judge};
use self::limits::{Limits, SHORT, SHORT_AND_SLOW};
use self::progress::Progress;
pub use self::random::Random;
pub use self::report::Report;

/// The number of inputs in one thread. The name of the thread says which, because no code can catch an exhausted stack.
const BATCH: u64 = 1_000;
/// As the main thread of a function has on Lambda.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// The time between two looks at a thread.
const LOOK: Duration = Duration::from_millis(50);
/// The most memory that the test program may have used.
const MEMORY_BYTES: u64 = 1024 * 1024 * 1024;

/// A parser.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also that of its folder of the corpus.
    pub name: &'static str,
    /// Names of fields, and parts of sentences about a whole document. Each error has at least one of them.
    pub names: &'static [&'static str],
    /// Whether its documents contain a canary. If none does, the rule about canaries checks nothing.
    pub has_canary: bool,
    /// The inputs of a short run.
    pub inputs: u64,
}

impl Target {
    /// A parser whose errors have one of the `names`, and whose documents contain a canary.
    #[must_use]
    pub const fn of(name: &'static str, names: &'static [&'static str]) -> Self {
        Self { name, names, has_canary: true, inputs: SHORT }
    }

    /// A parser whose input has no place for a credential.
    #[must_use]
    pub const fn public(name: &'static str, names: &'static [&'static str]) -> Self {
        Self { has_canary: false, ..Self::of(name, names) }
    }

    /// The same, with fewer inputs in a short run, because a client is in front of the parser.
    #[must_use]
    pub const fn slow(self) -> Self {
        Self { inputs: SHORT_AND_SLOW, ..self }
    }
}

/// Runs `parse` on the stored inputs of `target`, on each of the `documents`, and on changed documents.
///
/// # Panics
/// When an input breaks a rule. The message names the rule, the smallest such input and its file.
pub fn run<I: Input>(target: &Target, documents: &[I], parse: impl Fn(&I) -> Report + Sync) {
    run_within(Limits::from_environment(target.inputs), target, documents, parse);
}

fn run_within<I: Input>(
    limits: Limits,
    target: &Target,
    documents: &[I],
    parse: impl Fn(&I) -> Report + Sync,
) {
    let name = target.name;
    assert!(!documents.is_empty(), "{name}: no document");
    let has_canary =
        documents.iter().any(|document| CANARIES.found_in(document.to_text().as_bytes()).is_some());
    assert_eq!(has_canary, target.has_canary, "{name}: whether a document contains a canary");
    let judge = Judge { target, limits, progress: Progress::default(), parse: &parse };
    let stored = corpus::of::<I>(name);
    let mut figures = Figures::begin(target, limits, stored.len());

    let known =
        || (0..).zip(stored.iter().chain(documents)).map(|(number, input)| judge.known(input, number));
    figures.add(&in_thread(&judge, &format!("{name}, stored inputs and documents"), || known().collect()));
    let mut from = 0;
    while from < limits.inputs {
        let to = limits.inputs.min(from + BATCH);
        let changed = || (from..to).map(|number| judge.changed(documents, number)).collect();
        figures.add(&in_thread(&judge, &format!("{name}, {from}..{to} of seed {}", limits.seed), changed));
        from = to;
    }
    let memory = figures.end();
    assert!(memory <= MEMORY_BYTES, "{name}: {memory} bytes of memory");
}

/// Checks inputs on the stack of a function. If one of them never ends, its number is printed and the program ends.
fn in_thread<I: Input>(
    judge: &Judge<'_, I>,
    name: &str,
    check: impl FnOnce() -> Vec<Checked> + Send,
) -> Vec<Checked> {
    thread::scope(|scope| {
        let (done, checked) = mpsc::channel();
        let mut watched = judge.progress.watched();
        let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
        let thread = thread
            .spawn_scoped(scope, move || drop(done.send(check())))
            .unwrap_or_else(|error| panic!("{name}: no thread: {error}"));
        loop {
            match checked.recv_timeout(LOOK) {
                Ok(checked) => return checked,
                // The thread has printed why.
                Err(RecvTimeoutError::Disconnected) => match thread.join() {
                    Ok(()) => return Vec::new(),
                    Err(why) => std::panic::resume_unwind(why),
                },
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(number) = watched.stuck(judge.limits.end) {
                        // What a test prints with a macro is shown only after its end.
                        let _ = writeln!(std::io::stderr(), "{name}: input {number} does not end");
                        std::process::abort();
                    }
                }
            }
        }
    })
}

#[cfg(test)]
mod tests;
