//! What changed between two texts, line by line, as a unified diff.

use std::fmt::Write as _;

/// Lines of context around a change.
const CONTEXT: usize = 3;
/// The most lines put in or taken out that are still matched up one by one; texts that differ
/// more are shown as replaced.
const EDITS_MAX: usize = 500;

/// One line of the way from the old text to the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit<'a> {
    Keep(&'a str),
    Remove(&'a str),
    Add(&'a str),
}

/// The unified difference; empty when the texts are the same.
pub(crate) fn unified(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    if old == new {
        return String::new();
    }
    let (from, to): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let edits = edits(&from, &to);
    let mut out = format!("--- {old_name}\n+++ {new_name}\n");
    for (start, end) in hunks(&edits) {
        hunk(&edits, start, end, &mut out);
    }
    out
}

/// The edits, with what both texts begin and end with set aside first.
fn edits<'a>(from: &[&'a str], to: &[&'a str]) -> Vec<Edit<'a>> {
    let head = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let (rest_from, rest_to) = (from.get(head..).unwrap_or(&[]), to.get(head..).unwrap_or(&[]));
    let tail = rest_from.iter().rev().zip(rest_to.iter().rev()).take_while(|(a, b)| a == b).count();
    let (mid_from, end) = rest_from.split_at(rest_from.len().saturating_sub(tail));
    let (mid_to, _) = rest_to.split_at(rest_to.len().saturating_sub(tail));

    let mut edits: Vec<Edit<'a>> = from.iter().take(head).map(|l| Edit::Keep(l)).collect();
    match shortest(mid_from, mid_to) {
        Some(middle) => edits.extend(middle),
        None => {
            edits.extend(mid_from.iter().map(|l| Edit::Remove(l)));
            edits.extend(mid_to.iter().map(|l| Edit::Add(l)));
        }
    }
    edits.extend(end.iter().map(|l| Edit::Keep(l)));
    edits
}

/// Myers' greedy search for the fewest edits; `None` when there are too many.
fn shortest<'a>(from: &[&'a str], to: &[&'a str]) -> Option<Vec<Edit<'a>>> {
    let bound = (from.len() + to.len()).min(EDITS_MAX);
    let middle = bound + 1;
    // reach[middle + k]: how far into `from` the diagonal k (place in `from` minus place in `to`)
    // is reached.
    let mut reach = vec![0_usize; 2 * middle + 1];
    let mut trace: Vec<Vec<usize>> = vec![];
    let at = |reach: &[usize], k: isize| {
        middle.checked_add_signed(k).and_then(|n| reach.get(n)).copied().unwrap_or(0)
    };
    for steps in 0..=isize::try_from(bound).ok()? {
        trace.push(reach.clone());
        for k in (-steps..=steps).step_by(2) {
            let down = k == -steps || (k != steps && at(&reach, k - 1) < at(&reach, k + 1));
            let mut x = if down { at(&reach, k + 1) } else { at(&reach, k - 1) + 1 };
            let mut y = x.checked_add_signed(-k)?;
            while x < from.len() && y < to.len() && from.get(x) == to.get(y) {
                (x, y) = (x + 1, y + 1);
            }
            *reach.get_mut(middle.checked_add_signed(k)?)? = x;
            if x >= from.len() && y >= to.len() {
                return walk_back(&trace, from, to, middle);
            }
        }
    }
    None
}

fn walk_back<'a>(
    trace: &[Vec<usize>],
    from: &[&'a str],
    to: &[&'a str],
    middle: usize,
) -> Option<Vec<Edit<'a>>> {
    let (mut x, mut y) = (from.len(), to.len());
    let mut edits = vec![];
    for (steps, reach) in trace.iter().enumerate().rev() {
        let steps = isize::try_from(steps).ok()?;
        let k = isize::try_from(x).ok()? - isize::try_from(y).ok()?;
        let at = |k: isize| {
            middle.checked_add_signed(k).and_then(|n| reach.get(n)).copied().unwrap_or(0)
        };
        let before =
            if k == -steps || (k != steps && at(k - 1) < at(k + 1)) { k + 1 } else { k - 1 };
        let start_x = if steps == 0 { 0 } else { at(before) };
        let start_y = if steps == 0 { 0 } else { start_x.checked_add_signed(-before)? };
        while x > start_x && y > start_y {
            (x, y) = (x - 1, y - 1);
            edits.push(Edit::Keep(from.get(x)?));
        }
        if steps > 0 {
            if x == start_x {
                y = y.checked_sub(1)?;
                edits.push(Edit::Add(to.get(y)?));
            } else {
                x = x.checked_sub(1)?;
                edits.push(Edit::Remove(from.get(x)?));
            }
        }
    }
    edits.reverse();
    Some(edits)
}

/// Runs of changes with their context, as ranges of edits.
fn hunks(edits: &[Edit<'_>]) -> Vec<(usize, usize)> {
    let mut hunks: Vec<(usize, usize)> = vec![];
    let changes = edits.iter().enumerate().filter(|(_, e)| !matches!(e, Edit::Keep(_)));
    for (at, _) in changes {
        let (start, end) = (at.saturating_sub(CONTEXT), (at + 1 + CONTEXT).min(edits.len()));
        match hunks.last_mut() {
            Some(last) if start <= last.1 => last.1 = end,
            _ => hunks.push((start, end)),
        }
    }
    hunks
}

fn hunk(edits: &[Edit<'_>], start: usize, end: usize, out: &mut String) {
    let count = |part: &[Edit<'_>]| {
        part.iter().fold((0, 0), |(old, new), edit| match edit {
            Edit::Keep(_) => (old + 1, new + 1),
            Edit::Remove(_) => (old + 1, new),
            Edit::Add(_) => (old, new + 1),
        })
    };
    let part = edits.get(start..end).unwrap_or_default();
    let (old_before, new_before) = count(edits.get(..start).unwrap_or_default());
    let (old, new) = count(part);
    // An empty side names the line before it, as diff(1) does.
    let first = |before: usize, lines: usize| if lines == 0 { before } else { before + 1 };
    let _ =
        writeln!(out, "@@ -{},{old} +{},{new} @@", first(old_before, old), first(new_before, new));
    for edit in part {
        let (mark, line) = match edit {
            Edit::Keep(line) => (' ', line),
            Edit::Remove(line) => ('-', line),
            Edit::Add(line) => ('+', line),
        };
        out.push(mark);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_reads_like_diff_u() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let cases = [
            (old, old, ""),
            (
                old,
                "a\nb\nc\nD\ne\nf\ng\nh\n",
                "--- 1\n+++ 2\n@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+D\n e\n f\n g\n",
            ),
            ("", "x\n", "--- 1\n+++ 2\n@@ -0,0 +1,1 @@\n+x\n"),
            ("x\n", "", "--- 1\n+++ 2\n@@ -1,1 +0,0 @@\n-x\n"),
            ("x", "x\n", "--- 1\n+++ 2\n@@ -1,1 +1,1 @@\n-x\n\\ No newline at end of file\n+x\n"),
        ];
        for (old, new, expected) in cases {
            assert_eq!(unified(old, new, "1", "2"), expected);
        }
    }

    #[test]
    fn the_edits_turn_the_old_text_into_the_new_one_and_are_few() {
        // Every pair of short texts over three lines: apply the edits and compare.
        let texts: Vec<Vec<&str>> = (0..243_usize)
            .map(|n| {
                (0..5).map(|place| ["a\n", "b\n", "c\n"][n / 3_usize.pow(place) % 3]).collect()
            })
            .map(|lines: Vec<&str>| {
                lines[..lines.len() - lines.iter().filter(|l| **l == "c\n").count()].to_vec()
            })
            .collect();
        for from in texts.iter().step_by(3) {
            for to in texts.iter().step_by(5) {
                let edits = edits(from, to);
                let old: Vec<&str> = edits
                    .iter()
                    .filter_map(|e| match e {
                        Edit::Keep(l) | Edit::Remove(l) => Some(*l),
                        Edit::Add(_) => None,
                    })
                    .collect();
                let new: Vec<&str> = edits
                    .iter()
                    .filter_map(|e| match e {
                        Edit::Keep(l) | Edit::Add(l) => Some(*l),
                        Edit::Remove(_) => None,
                    })
                    .collect();
                assert_eq!((&old, &new), (from, to));
                let kept = edits.iter().filter(|e| matches!(e, Edit::Keep(_))).count();
                assert_eq!(kept, longest_common(from, to), "{from:?} {to:?}");
            }
        }
    }

    fn longest_common(from: &[&str], to: &[&str]) -> usize {
        let mut table = vec![vec![0; to.len() + 1]; from.len() + 1];
        for (x, a) in from.iter().enumerate() {
            for (y, b) in to.iter().enumerate() {
                table[x + 1][y + 1] =
                    if a == b { table[x][y] + 1 } else { table[x][y + 1].max(table[x + 1][y]) };
            }
        }
        table[from.len()][to.len()]
    }

    #[test]
    fn texts_that_share_nothing_are_replaced_without_a_long_search() {
        let old: String = (0..5_000).map(|n| format!("old {n}\n")).collect();
        let new: String = (0..5_000).map(|n| format!("new {n}\n")).collect();
        let out = unified(&old, &new, "1", "2");
        assert!(out.starts_with("--- 1\n+++ 2\n@@ -1,5000 +1,5000 @@\n-old 0\n"));
    }
}
