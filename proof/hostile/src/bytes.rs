//! Changes of a text without regard to its grammar.

use crate::random::Random;

/// A removed or repeated part has fewer bytes than any part of a canary that counts, so that no change moves a canary into
/// another field.
const PART: usize = 8;
const CHANGES: usize = 4;
/// Texts with a meaning to some parser.
const TOKENS: [&str; 26] = [
    "{", "}", "[", "]", "\"", "\\", ":", ",", "\\u0000", "\\ud800", "\u{feff}", "\u{0}", "\n", "\r\n",
    "1e999", "-0", "null", "true", "://", "@", "%", "%zz", "%25", "\u{202e}", "arn:", "\u{e9}",
];
/// Longer than any limit of AWS for a name, and deeper than any document needs.
const REPEATED: [(&str, usize); 5] = [("[", 300), ("{\"a\":", 300), ("a", 3_000), ("\\", 200), ("://", 200)];

/// A changed text. Bytes that are no UTF-8 become U+FFFD, as at every edge of the suite.
pub fn changed(text: &str, random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(CHANGES) {
        let at = random.below(bytes.len() + 1);
        match random.below(8) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => {
                let byte = u8::try_from(random.below(256)).unwrap_or_default();
                bytes.insert(at, byte);
            }
            2 | 3 => {
                let end = (at + 1 + random.below(PART)).min(bytes.len());
                bytes.drain(at..end.max(at));
            }
            4 => {
                let end = (at + 1 + random.below(PART)).min(bytes.len());
                let part = bytes.get(at..end).unwrap_or_default().to_vec();
                drop(bytes.splice(at..at, part));
            }
            5 if random.once_in(10) => bytes.truncate(at),
            6 if random.once_in(10) => {
                let (token, times) = random.pick(&REPEATED).copied().unwrap_or_default();
                drop(bytes.splice(at..at, token.repeat(times).into_bytes()));
            }
            _ => {
                let token = random.pick(&TOKENS).copied().unwrap_or_default();
                drop(bytes.splice(at..at, token.bytes()));
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Parts of the text: halves first, single characters last.
pub fn smaller(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut smaller = Vec::new();
    let mut size = characters.len().div_ceil(2);
    while size > 0 && smaller.len() < 200 {
        for at in (0..characters.len()).step_by(size) {
            let end = (at + size).min(characters.len());
            let kept = characters.iter().take(at).chain(characters.iter().skip(end));
            smaller.push(kept.collect());
        }
        size /= 2;
    }
    smaller
}
