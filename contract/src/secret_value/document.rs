//! The positions of the texts in a JSON document, so that one of them can be replaced and every other byte stays.
//! There is no recursion, because a value may be nested as deeply as its size allows.

use std::ops::Range;

use zeroize::Zeroizing;

use super::keys;
use super::renewal::Around;

/// A JSON document that `serde_json` has accepted, taken apart.
#[derive(Default)]
pub(super) struct Document {
    /// Objects and arrays, each after the one that contains it.
    pub(super) containers: Vec<Container>,
    /// All values that are neither an object nor an array.
    pub(super) leaves: Vec<Leaf>,
}

/// An object or an array.
pub(super) struct Container {
    /// The container that holds it, by its index.
    pub(super) parent: Option<usize>,
    /// Its place in that container.
    pub(super) place: Place,
    /// The system that its own key or one above it names.
    spoken_of: SpokenOf,
}

/// The systems that the keys on the path to a value name.
#[derive(Clone, Copy, Default)]
struct SpokenOf {
    another_system: bool,
    this_broker: bool,
}

impl SpokenOf {
    fn and(self, place: &Place) -> Self {
        let key = place.key().unwrap_or_default();
        Self {
            another_system: self.another_system || keys::names_another_system(key),
            this_broker: self.this_broker || keys::names_this_broker(key),
        }
    }
}

/// The place of a value in its container.
#[derive(Clone)]
pub(super) enum Place {
    /// In an object: the key, and its number among the keys of the object, from 0.
    Key(Zeroizing<String>, usize),
    /// In an array, or alone.
    Item(usize),
}

/// A value that is neither an object nor an array.
pub(super) struct Leaf {
    /// The container that holds it, by its index. None for a document that is one value.
    pub(super) container: Option<usize>,
    /// Its place in that container.
    pub(super) place: Place,
    /// Its bytes in the document. For a text, these include the quotes.
    pub(super) span: Range<usize>,
    /// The decoded text. None for numbers, `true`, `false`, `null`, and texts with half a surrogate pair.
    pub(super) text: Option<Zeroizing<String>>,
}

impl Place {
    /// The key; none for an item of an array.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key, _) => Some(key),
            Self::Item(_) => None,
        }
    }
}

/// A container that is still open.
struct Open {
    index: usize,
    is_object: bool,
    key: Option<Zeroizing<String>>,
    count: usize,
}

impl Open {
    /// The place of the next value. Takes the key.
    fn place(&mut self) -> Place {
        let number = self.count;
        self.count = self.count.saturating_add(1);
        match self.key.take() {
            Some(key) => Place::Key(key, number),
            None => Place::Item(number),
        }
    }
}

impl Document {
    /// Parses `json`, which must be valid.
    pub(super) fn scan(json: &str) -> Self {
        let bytes = json.as_bytes();
        let mut document = Self::default();
        let mut open: Vec<Open> = Vec::new();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let end = match byte {
                b'{' | b'[' => {
                    let parent = open.last().map(|open| open.index);
                    let place = open.last_mut().map_or(Place::Item(0), Open::place);
                    let index = document.containers.len();
                    let spoken_of = document.spoken_of(parent).and(&place);
                    document.containers.push(Container { parent, place, spoken_of });
                    open.push(Open { index, is_object: *byte == b'{', key: None, count: 0 });
                    at.saturating_add(1)
                }
                b'}' | b']' => {
                    open.pop();
                    at.saturating_add(1)
                }
                b'"' => {
                    let end = end_of_text(bytes, at);
                    let text = json.get(at..end).and_then(decoded);
                    match open.last_mut() {
                        Some(open) if open.is_object && open.key.is_none() => {
                            open.key = Some(text.unwrap_or_default());
                        }
                        _ => document.leaf(&mut open, at..end, text),
                    }
                    end
                }
                byte if byte.is_ascii_whitespace() || b",:".contains(byte) => at.saturating_add(1),
                _ => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let length = rest
                        .iter()
                        .position(|byte| byte.is_ascii_whitespace() || b",}]".contains(byte))
                        .unwrap_or(rest.len());
                    let end = at.saturating_add(length.max(1));
                    document.leaf(&mut open, at..end, None);
                    end
                }
            };
            at = end;
        }
        document
    }

    fn leaf(&mut self, open: &mut [Open], span: Range<usize>, text: Option<Zeroizing<String>>) {
        let container = open.last().map(|open| open.index);
        let place = open.last_mut().map_or(Place::Item(0), Open::place);
        self.leaves.push(Leaf { container, place, span, text });
    }

    fn spoken_of(&self, container: Option<usize>) -> SpokenOf {
        let container = container.and_then(|index| self.containers.get(index));
        container.map(|container| container.spoken_of).unwrap_or_default()
    }

    /// Whether a key on the path to the value names a system other than a broker.
    pub(super) fn in_another_system(&self, leaf: &Leaf, around: Around) -> bool {
        let spoken_of = self.spoken_of(leaf.container).and(&leaf.place);
        (around.in_another_system || spoken_of.another_system) && !spoken_of.this_broker
    }

    /// Whether a key on the path to the value names this broker.
    pub(super) fn names_this_broker(&self, leaf: &Leaf) -> bool {
        self.spoken_of(leaf.container).and(&leaf.place).this_broker
    }

    /// The path from the document's root to a value at `place` in `container`.
    pub(super) fn way<'d>(&'d self, container: Option<usize>, place: &'d Place) -> Vec<&'d Place> {
        let mut way = vec![place];
        let mut next = container;
        while let Some(container) = next.and_then(|index| self.containers.get(index)) {
            if container.parent.is_some() {
                way.push(&container.place);
            }
            next = container.parent;
        }
        way.reverse();
        way
    }
}

/// The byte after the closing quote of the text that begins at `start`.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start.saturating_add(1);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at.saturating_add(1),
            b'\\' => at = at.saturating_add(2),
            _ => at = at.saturating_add(1),
        }
    }
    bytes.len()
}

fn decoded(text: &str) -> Option<Zeroizing<String>> {
    serde_json::from_str::<String>(text).ok().map(Zeroizing::new)
}
