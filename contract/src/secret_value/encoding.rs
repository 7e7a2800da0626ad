//! The forms in which a text can be a part of another: as JSON, percent-encoded and in base64.
//!
//! A text may hold a password, so each buffer here has its final size from the beginning, and is wiped on drop. A buffer
//! that grows leaves copies of what it held.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;
use serde::ser::Error as _;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// All characters except the unreserved ones of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ENGINES: [&GeneralPurpose; 4] = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
/// The longest form of one byte of a text in JSON: `\u0000`.
const ESCAPED_BYTES: usize = 6;

/// A text as JSON, with its quotes.
pub(super) fn quoted(text: &str) -> Result<Zeroizing<String>, serde_json::Error> {
    json(&text, quoted_limit(text))
}

/// An object as JSON.
pub(super) fn object(fields: &BTreeMap<&str, &RawValue>) -> Result<Zeroizing<String>, serde_json::Error> {
    // With a colon and a comma.
    let size = |(key, value): (&&str, &&RawValue)| quoted_limit(key) + value.get().len() + 2;
    json(fields, fields.iter().map(size).sum::<usize>() + 2)
}

fn quoted_limit(text: &str) -> usize {
    text.len() * ESCAPED_BYTES + 2
}

fn json(value: &impl Serialize, limit: usize) -> Result<Zeroizing<String>, serde_json::Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
    serde_json::to_writer(&mut *bytes, value)?;
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(serde_json::Error::custom)
}

/// As a part of a URI.
pub(super) fn percent_encoded(text: &str) -> Zeroizing<String> {
    joined(&utf8_percent_encode(text, RESERVED).collect::<Vec<_>>())
}

/// The decoded text of a part of a URI. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn percent_decoded(text: &str) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    bytes.extend(percent_decode_str(text));
    let pieces = bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = if chunk.invalid().is_empty() { "" } else { "\u{fffd}" };
        [chunk.valid(), invalid]
    });
    joined(&pieces.collect::<Vec<_>>())
}

/// The decoded base64, and the alphabet to encode it again. None if it is not a text.
pub(super) fn from_base64(text: &str) -> Option<(&'static GeneralPurpose, Zeroizing<String>)> {
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let (engine, length) =
        ENGINES.iter().find_map(|engine| Some((*engine, engine.decode_slice(text, &mut bytes).ok()?)))?;
    let decoded = std::str::from_utf8(bytes.get(..length)?).ok()?;
    (!decoded.is_empty()).then(|| (engine, Zeroizing::new(decoded.to_owned())))
}

/// The pieces as one text.
pub(super) fn joined(pieces: &[&str]) -> Zeroizing<String> {
    // `concat` allocates once.
    Zeroizing::new(pieces.concat())
}
