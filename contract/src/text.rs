//! Limits of texts: a message must fit where it is sent.

/// `text` in at most `limit` bytes. It is cut between two characters, and marked as cut.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub('…'.len_utf8());
    let end = (0..=room).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// As [`cut`], for text whose underscores are inside words. No underscore is left at the end, where it would be markup.
pub(crate) fn cut_chat(text: &str, limit: usize) -> String {
    let short = cut(text, limit);
    match short.strip_suffix('…').filter(|_| short != text) {
        Some(kept) => format!("{}…", kept.trim_end_matches(['_', '@'])),
        None => short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_no_underscore_at_the_end() {
        assert_eq!(cut_chat("payment_clone", 11), "payment…");
        assert_eq!(cut_chat("payment__clone", 12), "payment…");
        assert_eq!(cut_chat("payment_…", 13), "payment_…");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_and_marked() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("ööööö", 9), "ööö…");
        assert!(cut(&"ö".repeat(1_000), 101).len() <= 101);
        assert_eq!(cut("ö", 1), "…");
    }
}
