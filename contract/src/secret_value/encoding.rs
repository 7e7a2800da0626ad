//! The forms in which a text can be a part of another: percent-encoded and in base64.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

/// All characters except the unreserved ones of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ENGINES: [&GeneralPurpose; 4] = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];

/// As a part of a URI.
pub(super) fn percent_encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(utf8_percent_encode(text, RESERVED).to_string())
}

/// The decoded text of a part of a URI.
pub(super) fn percent_decoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(percent_decode_str(text).decode_utf8_lossy().into_owned())
}

/// The decoded base64, and the alphabet to encode it again. None if it is not a text.
pub(super) fn from_base64(text: &str) -> Option<(&'static GeneralPurpose, Zeroizing<String>)> {
    let (engine, bytes) = ENGINES.iter().find_map(|engine| Some((*engine, engine.decode(text).ok()?)))?;
    let decoded = Zeroizing::new(String::from_utf8(bytes).ok()?);
    (!decoded.is_empty()).then_some((engine, decoded))
}
