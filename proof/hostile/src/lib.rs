//! Hostile input: valid documents, changed in their structure and in their bytes, for every parser of the suite.
//!
//! A test names its parser ([`Target`]), gives valid documents, and says what the parser made of an input ([`Said`]).
//! [`run`] makes inputs from them and checks of each: the parser does not panic, it ends within a time, what it says is
//! short, an error names the field, and nothing that it says contains a [`canary`]. A test can assert more in its closure.
//!
//! Each input is a function of the seed, the name of the target and its number, so a run can be repeated. An input that
//! breaks a rule is made smaller and stored in `corpus/TARGET`. Later runs begin with the inputs there.
//! `cargo xtask fuzz` sets the variables of [`limits::Limits`]; without them, a run is short.

mod bytes;
pub mod canary;
mod corpus;
mod figures;
mod input;
pub mod limits;
pub mod memory;
mod random;
mod said;
mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use self::canary::Watcher;
use self::figures::Figures;
pub use self::input::{Input, Words};
use self::limits::Limits;
pub use self::random::Random;
pub use self::said::Said;

/// The number of inputs in one thread. The name of the thread says which, because no code can catch an exhausted stack.
const BATCH: u64 = 1_000;
/// As the main thread of a function has on Lambda.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// A page fault or a busy core can delay one call. An input that is slow is slow again.
const TIMINGS: usize = 3;
/// The number of smaller inputs that are tried.
const SMALLER: usize = 3_000;
/// The longest error about one input, in bytes, with its debug form. A message of SNS has 256 KiB.
const SAID_BYTES: usize = 16 * 1024;
/// The most memory that the test program may have used.
const MEMORY_BYTES: u64 = 1024 * 1024 * 1024;

/// A parser.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also that of its folder of the corpus.
    pub name: &'static str,
    /// Names of fields, and parts of sentences about a whole document. Each error has at least one of them.
    pub names: &'static [&'static str],
    /// One call takes long, because a client is in front of the parser.
    pub slow: bool,
}

impl Target {
    /// A parser whose errors have one of the `names`.
    #[must_use]
    pub const fn of(name: &'static str, names: &'static [&'static str]) -> Self {
        Self { name, names, slow: false }
    }

    /// The same, with fewer inputs in a short run.
    #[must_use]
    pub const fn slow(self) -> Self {
        Self { slow: true, ..self }
    }
}

/// Runs `parse` on the stored inputs of `target`, on each of the `documents`, and on changed documents.
///
/// # Panics
/// When an input breaks a rule. The message names the rule, the smallest such input and its file.
pub fn run<I: Input>(target: &Target, documents: &[I], parse: impl Fn(&I) -> Said + Sync) {
    assert!(!documents.is_empty(), "{}: no document", target.name);
    let limits = Limits::from_environment(target.slow);
    let watcher = Watcher::default();
    let judge = Judge { target, limits, watcher: &watcher, parse: &parse };
    let mut figures = Figures::begin(target.name, limits);
    let stored = corpus::of::<I>(target.name);
    figures.stored = stored.len();
    for input in stored.iter().chain(documents) {
        figures.add(&judge.judged(input, None));
    }
    let mut from = 0;
    while from < limits.inputs {
        let to = limits.inputs.min(from + BATCH);
        let batch = || -> Vec<Judged> { (from..to).map(|number| judge.changed(documents, number)).collect() };
        let judged = thread::scope(|scope| {
            let name = format!("{} {from}..{to} of seed {}", target.name, limits.seed);
            let thread = thread::Builder::new().name(name).stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, batch).map(thread::ScopedJoinHandle::join)
        });
        match judged {
            Ok(Ok(judged)) => judged.iter().for_each(|one| figures.add(one)),
            // The thread has printed why.
            Ok(Err(why)) => std::panic::resume_unwind(why),
            Err(error) => panic!("{}: no thread: {error}", target.name),
        }
        from = to;
    }
    figures.end();
    assert!(
        figures.memory_bytes <= MEMORY_BYTES,
        "{}: {} bytes of memory",
        target.name,
        figures.memory_bytes
    );
}

/// What is known of one input that broke no rule.
#[derive(Debug, Clone, Copy)]
struct Judged {
    refused: bool,
    took: Duration,
    said: usize,
    bytes: usize,
}

struct Judge<'a, I> {
    target: &'a Target,
    limits: Limits,
    watcher: &'a Watcher,
    parse: &'a (dyn Fn(&I) -> Said + Sync),
}

impl<I: Input> Judge<'_, I> {
    fn changed(&self, documents: &[I], number: u64) -> Judged {
        let mut random = Random::of(self.limits.seed, self.target.name, number);
        let input = I::changed(documents, &mut random);
        self.judged(&input, Some(number))
    }

    fn judged(&self, input: &I, number: Option<u64>) -> Judged {
        match self.problem(input) {
            Ok(judged) => judged,
            Err(problem) => self.report(input, number, &problem),
        }
    }

    /// Makes the input smaller, stores it, and fails the test.
    fn report(&self, input: &I, number: Option<u64>, problem: &Problem) -> ! {
        let smallest = self.smallest(input, problem);
        let (name, seed) = (self.target.name, self.limits.seed);
        let stored = corpus::store(name, &smallest);
        let which =
            number.map_or_else(|| "a stored input or a document".to_owned(), |n| format!("input {n}"));
        panic!(
            "{name}: {} ({which} of seed {seed})\n{}\n{stored}",
            problem.what,
            smallest.to_text().chars().take(2_000).collect::<String>()
        );
    }

    /// The smallest input found that breaks the same rule.
    fn smallest(&self, input: &I, problem: &Problem) -> I {
        let mut smallest = input.clone();
        let mut tries = 0;
        'again: while tries < SMALLER {
            for smaller in smallest.smaller() {
                tries += 1;
                if self.problem(&smaller).is_err_and(|other| other.rule == problem.rule) {
                    smallest = smaller;
                    continue 'again;
                }
                if tries >= SMALLER {
                    break;
                }
            }
            break;
        }
        smallest
    }

    fn problem(&self, input: &I) -> Result<Judged, Problem> {
        let parse = || (self.parse)(input);
        let mut took = Duration::MAX;
        let mut last = None;
        for _ in 0..TIMINGS {
            let began = limits::cpu_time();
            let said = catch_unwind(AssertUnwindSafe(parse)).map_err(|why| Problem::panic(why.as_ref()))?;
            took = took.min(limits::cpu_time().saturating_sub(began));
            last = Some(said);
            if took <= self.limits.time {
                break;
            }
        }
        let Said { refused, text } =
            last.ok_or_else(|| Problem::new(Rule::Panic, "not parsed".to_owned()))?;
        if took > self.limits.time {
            return Err(Problem::new(Rule::Time, format!("took {took:?} of CPU time")));
        }
        // What was accepted is shown only in parts, each with a limit of its own.
        if refused && text.len() > SAID_BYTES {
            return Err(Problem::new(Rule::Size, format!("said {} bytes", text.len())));
        }
        if refused && !self.target.names.iter().any(|name| text.contains(name)) {
            return Err(Problem::new(Rule::Name, format!("the error names no field: {text}")));
        }
        // The words of a canary are not printed here: this output is a log, too.
        if let Some(canary) = self.watcher.found_in(text.as_bytes()) {
            return Err(Problem::new(Rule::Canary, format!("it says a part of {canary}")));
        }
        Ok(Judged { refused, took, said: text.len(), bytes: input.to_text().len() })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Panic,
    Time,
    Size,
    Name,
    Canary,
}

#[derive(Debug)]
struct Problem {
    rule: Rule,
    what: String,
}

impl Problem {
    fn new(rule: Rule, what: String) -> Self {
        Self { rule, what }
    }

    fn panic(why: &(dyn std::any::Any + Send)) -> Self {
        let text = why.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| why.downcast_ref::<&str>().copied()).unwrap_or("no text");
        Self::new(Rule::Panic, format!("it panics: {text}"))
    }
}

#[cfg(test)]
mod tests;
