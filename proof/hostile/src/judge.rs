//! The rules for each input.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::canary::CANARIES;
use crate::input::Input;
use crate::limits::{self, Limits};
use crate::progress::Progress;
use crate::random::Random;
use crate::report::Report;
use crate::{Target, corpus};

/// A page fault or a busy core can delay one call. An input that is slow is slow again.
const TIMINGS: usize = 3;
/// The number of smaller inputs that are tried.
const SMALLER: usize = 3_000;
/// The longest report about one input that is refused, in bytes, with the debug form of its errors. A message of SNS has
/// 256 KiB.
pub const REPORT_BYTES: usize = 16 * 1024;

/// What is known of one input that broke no rule.
#[derive(Debug, Clone, Copy)]
pub struct Checked {
    /// Whether it was refused.
    pub refused: bool,
    /// The CPU time of the parser.
    pub took: Duration,
    /// The bytes of the report.
    pub report_bytes: usize,
    /// The bytes of the input.
    pub bytes: usize,
}

/// Checks what a parser makes of inputs.
pub struct Judge<'a, I> {
    pub target: &'a Target,
    pub limits: Limits,
    pub progress: Progress,
    pub parse: &'a (dyn Fn(&I) -> Report + Sync),
}

impl<I: Input> Judge<'_, I> {
    /// Checks the changed document with this number.
    pub fn changed(&self, documents: &[I], number: u64) -> Checked {
        self.progress.at(number);
        let mut random = Random::of(self.limits.seed, self.target.name, number);
        let input = I::changed(documents, &mut random);
        self.problem(&input).unwrap_or_else(|problem| {
            let which = format!("input {number} of seed {}", self.limits.seed);
            self.report(&input, &which, &problem)
        })
    }

    /// Checks a stored input or a document.
    pub fn known(&self, input: &I, number: u64) -> Checked {
        self.progress.at(number);
        self.problem(input)
            .unwrap_or_else(|problem| self.report(input, "a stored input or a document", &problem))
    }

    /// Makes the input smaller, stores it, and fails the test.
    fn report(&self, input: &I, which: &str, problem: &Problem) -> ! {
        let smallest = self.smallest(input, problem);
        let name = self.target.name;
        let stored = corpus::store(name, &smallest);
        panic!(
            "{name}: {} ({which})\n{}\n{stored}",
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

    pub fn problem(&self, input: &I) -> Result<Checked, Problem> {
        let (report, mut took) = self.timed(input)?;
        for _ in 1..TIMINGS {
            if took > self.limits.time {
                took = took.min(self.timed(input)?.1);
            }
        }
        if took > self.limits.time {
            return Err(Problem::new(Rule::Time, format!("it took {took:?} of CPU time")));
        }
        let shown = report.shown();
        // What was accepted is shown only in parts, each with a limit of its own.
        if report.refused && shown.len() > REPORT_BYTES {
            return Err(Problem::new(Rule::Size, format!("the report has {} bytes", shown.len())));
        }
        let is_named = |error: &&String| self.target.names.iter().any(|name| error.contains(name));
        if let Some(error) = report.errors.iter().find(|error| !is_named(error)) {
            return Err(Problem::new(Rule::Name, format!("the error names no field: {error}")));
        }
        if let Some(canary) = CANARIES.found_in(shown.as_bytes()) {
            return Err(Problem::new(Rule::Canary, format!("the report contains a part of {canary}")));
        }
        let (refused, bytes) = (report.refused, input.to_text().len());
        Ok(Checked { refused, took, report_bytes: shown.len(), bytes })
    }

    fn timed(&self, input: &I) -> Result<(Report, Duration), Problem> {
        self.progress.calls();
        let began = limits::cpu_time();
        let report = catch_unwind(AssertUnwindSafe(|| (self.parse)(input)));
        let took = limits::cpu_time().saturating_sub(began);
        report.map(|report| (report, took)).map_err(|why| Problem::panic(why.as_ref()))
    }
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    Panic,
    Time,
    Size,
    Name,
    Canary,
}

/// Why an input breaks a rule.
#[derive(Debug)]
pub struct Problem {
    pub rule: Rule,
    pub what: String,
}

impl Problem {
    fn new(rule: Rule, what: String) -> Self {
        Self { rule, what }
    }

    fn panic(why: &(dyn Any + Send)) -> Self {
        let text = why.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| why.downcast_ref::<&str>().copied()).unwrap_or("no text");
        Self::new(Rule::Panic, format!("it panics: {text}"))
    }
}
