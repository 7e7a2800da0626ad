//! Commands inside a sentence of a page. A word in capital letters is a placeholder that the reader replaces.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result, ensure};

use super::{Page, finished};

/// Words in capital letters that are not placeholders.
const NO_PLACEHOLDERS: [&str; 2] = ["ALARM", "AWSCURRENT"];

/// A command inside a sentence.
#[derive(Debug, Clone)]
pub struct Sentence {
    page: String,
    text: String,
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {}", self.text, self.page)
    }
}

impl Sentence {
    /// Whether the command, as written in the page, contains these words.
    #[must_use]
    pub fn has(&self, words: &str) -> bool {
        self.text.contains(words)
    }

    /// The command with its placeholders replaced.
    fn typed(&self, words: &BTreeMap<&str, String>, variables: &BTreeMap<String, String>) -> Result<String> {
        let mut typed = String::new();
        let mut rest = self.text.as_str();
        while let Some(first) = rest.chars().next() {
            let length = rest.find(|c: char| !is_of_a_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(length.max(first.len_utf8()));
            rest = after;
            if !is_placeholder(word) {
                typed.push_str(word);
            } else if typed.ends_with('$') {
                let known = variables.contains_key(word);
                ensure!(known, "{self} needs ${word}: give it by `Page::set` in the page's test");
                typed.push_str(word);
            } else {
                let value = words.get(word);
                typed.push_str(value.with_context(|| {
                    format!("{self}: nothing stands for {word}: add it to the words of the page's test")
                })?);
            }
        }
        ensure!(!typed.contains("..."), "{self} leaves something out: write a word in capital letters there");
        Ok(typed)
    }
}

impl Page {
    /// The next command of a sentence; `None` after the last.
    pub fn next_sentence(&mut self) -> Option<Sentence> {
        let text = self.sentences.get(self.next_sentence)?.clone();
        self.next_sentence += 1;
        Some(self.sentence(text))
    }

    pub(super) fn sentence(&self, text: String) -> Sentence {
        Sentence { page: self.name.clone(), text }
    }

    /// A command with its placeholders replaced.
    pub(super) fn typed(&self, sentence: &Sentence, words: &BTreeMap<&str, String>) -> Result<String> {
        sentence.typed(words, &self.environment)
    }

    /// Runs a command of a sentence with `words` as the placeholders' values. Returns what it printed.
    ///
    /// # Errors
    /// When it fails, or a placeholder has no value.
    pub async fn say(&self, sentence: &Sentence, words: &BTreeMap<&str, String>) -> Result<String> {
        let run = self.session(&self.typed(sentence, words)?)?;
        finished(run).await.with_context(|| format!("{sentence} failed"))
    }
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_placeholder(word: &str) -> bool {
    let begins = word.chars().next().is_some_and(|c| c.is_ascii_uppercase());
    let capital = word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    begins && capital && word.len() > 1 && !NO_PLACEHOLDERS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Result<String> {
        let sentence = Sentence { page: "a.md".to_owned(), text: text.to_owned() };
        let words = BTreeMap::from([("NAME", "broker".to_owned()), ("OLD", "1".to_owned())]);
        sentence.typed(&words, &BTreeMap::from([("SECRET".to_owned(), "x".to_owned())]))
    }

    #[test]
    fn words_in_capital_letters_are_replaced_and_those_that_nobody_gave_are_named() {
        assert_eq!(
            typed("a -n NAME k=OLD \"$SECRET\" AWSCURRENT {\"S\":1}").unwrap_or_default(),
            "a -n broker k=1 \"$SECRET\" AWSCURRENT {\"S\":1}"
        );
        for (text, words) in
            [("a NEW", "NEW"), ("a \"$NAME\"", "$NAME"), ("a --id ...", "leaves something out")]
        {
            let error = typed(text).map(drop).map_err(|error| error.to_string()).err().unwrap_or_default();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
