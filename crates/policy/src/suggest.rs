//! The known name that is nearest to a mistyped one. Only used for errors.

/// The nearest of the known names, by the fewest edits; the first of equals.
pub(crate) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.chars().take(64).map(|c| c.to_ascii_lowercase()).collect();
    known.into_iter().min_by_key(|name| edits(&wrong, name))
}

/// Insertions, deletions, replacements and swaps of neighbours between the two.
fn edits(wrong: &[char], name: &str) -> usize {
    let name: Vec<char> = name.chars().take(64).map(|c| c.to_ascii_lowercase()).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=name.len()).collect();
    for (i, a) in wrong.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in name.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX);
            let mut best =
                (at(&last, j) + usize::from(a != b)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped =
                i > 0 && j > 0 && wrong.get(i - 1) == Some(b) && name.get(j - 1) == Some(a);
            if swapped {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let known = ["require", "deny_if", "approve_if", "limits", "unlisted_args"];
        for (wrong, right) in [
            ("requires", "require"),
            ("denyif", "deny_if"),
            ("deny_fi", "deny_if"),
            ("Limits", "limits"),
            ("aprove_if", "approve_if"),
            ("unlisted-args", "unlisted_args"),
        ] {
            assert_eq!(nearest(wrong, known), Some(right), "{wrong}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
