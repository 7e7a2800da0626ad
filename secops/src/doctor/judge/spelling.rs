//! How near a word is to a known one.

/// The known word that `word` is probably meant to be: at most two letters differ, or only their case.
pub(super) fn meant<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let small = word.to_ascii_lowercase();
    let near = known.iter().map(|known| (distance(&small, &known.to_ascii_lowercase()), *known));
    let (distance, nearest) = near.min_by_key(|(distance, _)| *distance)?;
    let limit = if nearest.len() < 8 { 1 } else { 2 };
    (distance <= limit && word != nearest).then_some(nearest)
}

/// How many letters must be added, removed or replaced. Two letters that change places count as one.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // No key of a tag is that long and near to a known one.
    if one.len().abs_diff(other.len()) > 2 || one.len() > 64 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&row, j) + usize::from(a != b)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && other.get(j - 1) == Some(a) && one.get(i - 1) == Some(b);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_found_and_another_word_is_not() {
        let known = ["secret2eks/namespace", "secret2eks/name", "rotation-mq", "tenant"];
        for (word, expected) in [
            ("secret2eks/namespace", None),
            ("secret2eks/namespce", Some("secret2eks/namespace")),
            ("secret2eks/namepsace", Some("secret2eks/namespace")),
            ("secrets2eks/namespace", Some("secret2eks/namespace")),
            ("Secret2EKS/Namespace", Some("secret2eks/namespace")),
            ("rotation_mq", Some("rotation-mq")),
            ("Rotation-MQ", Some("rotation-mq")),
            ("tenent", Some("tenant")),
            ("ten", None),
            ("cost-centre", None),
            ("rotation-mq/user", None),
            ("", None),
        ] {
            let found = meant(word, &known);
            assert_eq!(found, expected, "{word}");
        }
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "ab"), 2);
    }
}
