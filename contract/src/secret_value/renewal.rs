//! Renews the keys of a document that repeat the credentials. Pure.
//!
//! A key that certainly repeats them is renewed. A key that certainly holds something else stays byte for byte. Any other
//! key is refused, and the error names it: a copy with the old password would lock its application out at the rotation
//! after the next.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::copies::{Change, Found};
use super::document::{Document, Leaf, Place};
use super::edit::{Edit, edited};
use super::encoding::quoted;
use super::keys;
use super::logins::Logins;
use crate::text::cut;

/// The deepest nesting of texts: JSON in base64 in JSON and so on. Each level makes a value longer, so a value of 64 KiB
/// has fewer levels.
const DEPTH_LIMIT: u8 = 8;
/// The longest path that an error shows.
const PATH_BYTES: usize = 256;

/// The position of a document.
#[derive(Clone, Copy)]
pub(super) struct Around {
    /// Whether it is the secret itself, whose `username` and `password` belong to it.
    pub(super) is_secret: bool,
    /// Whether a key above it names another system.
    pub(super) in_another_system: bool,
    depth: u8,
}

impl Around {
    /// The secret itself.
    pub(super) const SECRET: Self = Self { is_secret: true, in_another_system: false, depth: 0 };

    /// A document inside a text. None if the nesting is too deep.
    pub(super) fn deeper(self) -> Option<Self> {
        let depth = self.depth.saturating_add(1);
        (depth <= DEPTH_LIMIT).then_some(Self { is_secret: false, depth, ..self })
    }
}

/// A copy of the credentials that cannot be renewed with certainty.
pub(super) struct Unclear {
    /// The path of its key, which never holds a credential.
    pub(super) path: String,
    /// Why.
    pub(super) why: &'static str,
}

impl Unclear {
    /// In the text that was examined.
    pub(super) fn here(why: &'static str) -> Self {
        Self { path: String::new(), why }
    }
}

/// The document with the new credentials. None if nothing has to change.
///
/// # Errors
/// The first copy that cannot be renewed with certainty.
pub(super) fn renew(
    json: &str,
    change: &Change<'_>,
    around: Around,
) -> Result<Option<Zeroizing<String>>, Unclear> {
    let document = Document::scan(json);
    check_keys(&document, change)?;
    let mut found = Vec::with_capacity(document.leaves.len());
    for leaf in &document.leaves {
        found.push(find(json, &document, change, around, leaf)?);
    }
    let users = Logins::new(&document, change, around, &found).users()?;
    let mut edits: Vec<Edit> = Vec::new();
    for ((leaf, found), user) in document.leaves.iter().zip(found).zip(users) {
        let ((Found::Password(text) | Found::Login(text), _) | (_, Some(text))) = (found, user) else {
            continue;
        };
        if leaf.text.as_ref() == Some(&text) {
            continue;
        }
        let new = quoted(&text).map_err(|_| Unclear {
            path: path(&document, change, leaf.container, &leaf.place),
            why: "it cannot be written as JSON",
        })?;
        edits.push((leaf.span.clone(), new));
    }
    let new = || edited(json, edits.iter().map(|(span, new)| (span, new.as_str())));
    Ok((!edits.is_empty()).then(new))
}

fn find(
    json: &str,
    document: &Document,
    change: &Change<'_>,
    around: Around,
    leaf: &Leaf,
) -> Result<Found, Unclear> {
    let here = |why| Unclear { path: path(document, change, leaf.container, &leaf.place), why };
    let Some(text) = &leaf.text else {
        // A number, or a text that cannot be decoded because it holds half a surrogate pair.
        let raw = json.get(leaf.span.clone()).unwrap_or_default();
        let is_copy = change.is_password(raw, leaf.place.key());
        if is_copy || (raw.starts_with('"') && change.is_in(raw)) {
            return Err(here("it holds the password, but not as a readable text"));
        }
        return Ok(Found::Nothing);
    };
    let in_another_system = document.in_another_system(leaf, around);
    let found = if change.is_password(text, leaf.place.key()) {
        Found::Password(Zeroizing::new(change.password.to_owned()))
    } else {
        change.find(text, Around { in_another_system, ..around })
    };
    match found {
        Found::Unclear(inner) => {
            let outer = here(inner.why);
            let both = [outer.path.as_str(), inner.path.as_str()];
            let both = both.iter().filter(|path| !path.is_empty()).copied().collect::<Vec<_>>().join(".");
            Err(Unclear { path: cut(&both, PATH_BYTES), ..outer })
        }
        Found::Password(_) if in_another_system => {
            Err(here("its name is that of another system, and it holds the password of this user"))
        }
        found => Ok(found),
    }
}

/// No name of a key may hold the password: nobody knows which name the key must get.
fn check_keys(document: &Document, change: &Change<'_>) -> Result<(), Unclear> {
    let leaves = document.leaves.iter().map(|leaf| (leaf.container, &leaf.place));
    let containers = document.containers.iter().map(|inner| (inner.parent, &inner.place));
    for (container, place) in leaves.chain(containers) {
        if place.key().is_some_and(|key| change.is_in(key)) {
            let path = path(document, change, container, place);
            return Err(Unclear { path, why: "the name of the key holds the password" });
        }
    }
    Ok(())
}

/// A path such as `brokers[0].uri`. A key is shown by its number if it is not a plain name or holds the password.
pub(super) fn path(
    document: &Document,
    change: &Change<'_>,
    container: Option<usize>,
    place: &Place,
) -> String {
    let mut path = String::new();
    for place in document.way(container, place) {
        // Writing to a String does not fail.
        let _ = match place {
            Place::Item(_) if container.is_none() => Ok(()),
            Place::Item(number) => write!(path, "[{number}]"),
            Place::Key(key, number) => {
                if !path.is_empty() {
                    path.push('.');
                }
                if keys::is_plain(key) && !change.is_in(key) {
                    path.write_str(key)
                } else {
                    write!(path, "(key {})", number.saturating_add(1))
                }
            }
        };
        if path.len() > PATH_BYTES {
            break;
        }
    }
    cut(&path, PATH_BYTES)
}
