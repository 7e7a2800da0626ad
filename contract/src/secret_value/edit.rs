//! Replaces parts of a text. Pure.

use std::ops::Range;

use zeroize::Zeroizing;

use super::encoding::joined;

/// Bytes of a text, and the text that replaces them.
pub(super) type Edit = (Range<usize>, Zeroizing<String>);

/// `text` with `edits`, which are in the order of their positions.
pub(super) fn edited<'t>(
    text: &'t str,
    edits: impl IntoIterator<Item = (&'t Range<usize>, &'t str)>,
) -> Zeroizing<String> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for (span, new) in edits {
        pieces.extend([text.get(at..span.start).unwrap_or_default(), new]);
        at = span.end;
    }
    pieces.push(text.get(at..).unwrap_or_default());
    joined(&pieces)
}
