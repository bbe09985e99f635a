//! What was probably meant by a misspelt word.

/// The longest word that is compared.
const WORD_BYTES_MAX: usize = 64;

/// The known word that the given one was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // Nobody misspells a word into something this long.
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let reach = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(far, _)| *far <= reach)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = vec![];
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut last = None;
    for (down, a) in one.chars().enumerate() {
        let mut next = vec![down + 1];
        for (across, b) in other.iter().enumerate() {
            let swap = (last == Some(*b)
                && across.checked_sub(1).and_then(|n| other.get(n)) == Some(&a))
            .then(|| before.get(across.wrapping_sub(1)))
            .flatten()
            .map(|n| n + 1);
            let at = |row: &[usize], n: usize| row.get(n).copied().unwrap_or(usize::MAX - 1);
            let steps = [
                at(&row, across) + usize::from(a != *b),
                at(&row, across + 1) + 1,
                at(&next, across) + 1,
                swap.unwrap_or(usize::MAX),
            ];
            next.push(steps.into_iter().min().unwrap_or(usize::MAX - 1));
        }
        before = std::mem::replace(&mut row, next);
        last = Some(a);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        let known = ["slug", "name", "url", "private_targets"];
        for (word, meant) in [
            ("slgu", Some("slug")),
            ("private_target", Some("private_targets")),
            ("urls", Some("url")),
            ("zebra", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
    }
}
