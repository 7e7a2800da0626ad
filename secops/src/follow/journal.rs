//! The steps that a command has seen, each with the time since the command began.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio::time::Instant;

use crate::context::Context;
use crate::screen::text::wrap;
use crate::screen::{Style, time};

/// The columns before the words: the time and the name.
const INDENTATION: usize = 25;

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Seconds since the command began.
    pub seconds: f64,
    /// Its name.
    pub step: String,
    /// What was seen.
    pub seen: String,
}

/// The steps of one command. For people, each is shown as it is seen.
#[derive(Debug)]
pub struct Journal<'a> {
    context: &'a Context,
    began: Instant,
    steps: Mutex<Vec<Step>>,
}

impl<'a> Journal<'a> {
    /// Begins now.
    #[must_use]
    pub fn new(context: &'a Context) -> Self {
        Self { context, began: Instant::now(), steps: Mutex::default() }
    }

    /// Notes a step. `seen` holds no foreign text that is not neutralised.
    pub fn note(&self, step: &str, seen: impl Into<String>) {
        let (elapsed, seen) = (self.began.elapsed(), seen.into());
        if !self.context.is_json() {
            let screen = &self.context.screen;
            let width = screen.width.unwrap_or(usize::MAX).saturating_sub(INDENTATION).max(20);
            let lines = wrap(&seen, width).join(&format!("\n{}", " ".repeat(INDENTATION)));
            let name = screen.paint(Style::Bold, &format!("{step:<12}"));
            self.context.progress.clear();
            screen.say(&format!("{:>9}  {name}  {lines}", time::seconds(elapsed)));
        }
        let step = Step { seconds: elapsed.as_secs_f64(), step: step.to_owned(), seen };
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    /// All steps.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
