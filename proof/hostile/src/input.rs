//! The three kinds of input: a document, a text, and the words of a command line.

use std::fmt::Debug;

use serde_json::Value;

use crate::bytes;
use crate::random::Random;
use crate::values;

/// One document in so many is changed in its bytes. A changed text is mostly no document any more.
const BYTES: usize = 6;
const CHANGES: usize = 4;
/// `serde_json` reads no deeper document, so no parser of a document is given one.
const DEPTH: usize = 127;
/// Words that a person or a program may put into a command line.
const ODD_WORDS: [&str; 14] = [
    "",
    "-",
    "--",
    "---",
    "--help",
    "-h",
    "--version",
    "=",
    "--=",
    "--x=y",
    "help",
    "-1",
    "99999999999999999999",
    "\u{202e}\u{0}",
];

/// An input of a parser.
pub trait Input: Clone + Debug + Send + Sync {
    /// A changed document.
    fn changed(documents: &[Self], random: &mut Random) -> Self;

    /// Smaller inputs, those that are much smaller first.
    fn smaller(&self) -> Vec<Self>;

    /// The text of a file of the corpus.
    fn to_text(&self) -> String;

    /// Reads it. None if the text is no such input.
    fn from_text(text: &str) -> Option<Self>;
}

/// The words after the name of a program.
pub type Words = Vec<String>;

/// The words of command lines without quotes.
#[must_use]
pub fn words(lines: &[&str]) -> Vec<Words> {
    lines.iter().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

impl Input for Value {
    fn changed(documents: &[Self], random: &mut Random) -> Self {
        let mut value = random.pick(documents).cloned().unwrap_or_default();
        if random.once_in(BYTES) {
            let text = bytes::changed(&value.to_string(), random);
            if let Ok(changed) = serde_json::from_str(&text) {
                return changed;
            }
        }
        for _ in 0..=random.below(CHANGES) {
            values::change(&mut value, random);
        }
        values::flatten(&mut value, DEPTH);
        value
    }

    fn smaller(&self) -> Vec<Self> {
        values::smaller(self)
    }

    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Input for String {
    fn changed(documents: &[Self], random: &mut Random) -> Self {
        let text = random.pick(documents).cloned().unwrap_or_default();
        // A document inside the text is changed as a document, so that the text stays readable.
        match serde_json::from_str::<Value>(&text) {
            Ok(mut value) if !random.once_in(BYTES) => {
                for _ in 0..=random.below(CHANGES) {
                    values::change(&mut value, random);
                }
                value.to_string()
            }
            _ => bytes::changed(&text, random),
        }
    }

    fn smaller(&self) -> Vec<Self> {
        let value = serde_json::from_str::<Value>(self).ok();
        let values = value.iter().flat_map(values::smaller).map(|value| value.to_string());
        values.chain(bytes::smaller(self)).filter(|smaller| smaller.len() < self.len()).collect()
    }

    fn to_text(&self) -> String {
        self.clone()
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Input for Words {
    fn changed(documents: &[Self], random: &mut Random) -> Self {
        let mut words = random.pick(documents).cloned().unwrap_or_default();
        for _ in 0..=random.below(CHANGES) {
            let at = random.below(words.len() + 1);
            match random.below(6) {
                0 if at < words.len() => drop(words.remove(at)),
                1 => {
                    let odd = random.pick(&ODD_WORDS).copied().unwrap_or_default();
                    words.insert(at, odd.to_owned());
                }
                2 => {
                    // A word of another line.
                    let other = random.pick(documents).cloned().unwrap_or_default();
                    words.extend(random.pick(&other).cloned());
                }
                3 => {
                    let other = random.below(words.len());
                    if at < words.len() {
                        words.swap(at, other);
                    }
                }
                4 if at < words.len() => words.insert(at, words[at].clone()),
                _ => {
                    if let Some(word) = words.get_mut(at) {
                        *word = bytes::changed(word, random);
                    }
                }
            }
        }
        words
    }

    fn smaller(&self) -> Vec<Self> {
        let without = (0..self.len()).map(|at| {
            let mut words = self.clone();
            words.remove(at);
            words
        });
        let shorter = self.iter().enumerate().flat_map(|(at, word)| {
            bytes::smaller(word).into_iter().map(move |word| {
                let mut words = self.clone();
                words[at] = word;
                words
            })
        });
        without.chain(shorter).collect()
    }

    fn to_text(&self) -> String {
        Value::from(self.clone()).to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
