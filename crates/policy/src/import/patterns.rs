//! Patterns of Go's `regexp`, written so that they mean the same here: its `\w`, `\d`, `\s` and `\b` know
//! ASCII alone, and its bracketed classes know neither nesting nor set operations.

/// The same pattern for this engine.
///
/// - **Errors**: a sentence that names what cannot be said here.
pub(super) fn of_go(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let escaped = chars.next().ok_or("the pattern ends in a backslash")?;
                out.push_str(&escape(escaped, false)?);
            }
            '[' => class(&mut chars, &mut out)?,
            c => out.push(c),
        }
    }
    Ok(out)
}

fn escape(c: char, in_class: bool) -> Result<String, String> {
    let same = match c {
        'd' if in_class => "0-9",
        'd' => "[0-9]",
        'w' if in_class => "0-9A-Za-z_",
        'w' => "[0-9A-Za-z_]",
        's' if in_class => r"\t\n\f\r ",
        's' => r"[\t\n\f\r ]",
        'D' => "[^0-9]",
        'W' => "[^0-9A-Za-z_]",
        'S' => r"[^\t\n\f\r ]",
        'b' if !in_class => r"(?-u:\b)",
        'B' | 'C' | 'Q' | 'E' | '0'..='9' => {
            return Err(format!("`\\{c}` of a Go pattern has no counterpart here"));
        }
        other => return Ok(format!("\\{other}")),
    };
    Ok(same.to_owned())
}

/// A bracketed class, from behind its `[` to its `]`.
fn class(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    out: &mut String,
) -> Result<(), String> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    loop {
        let c = chars.next().ok_or("a `[` is not closed")?;
        match c {
            ']' if !first => {
                out.push(']');
                return Ok(());
            }
            // A bracket that opens the class stands for itself.
            ']' => out.push_str(r"\]"),
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                named(chars, out)?;
            }
            '[' => out.push_str(r"\["),
            '&' => out.push_str(r"\&"),
            '~' => out.push_str(r"\~"),
            '\\' => {
                let escaped = chars.next().ok_or("the pattern ends in a backslash")?;
                out.push_str(&escape(escaped, true)?);
            }
            '-' if chars.peek() == Some(&'-') => {
                return Err("`--` in a class is not carried over: write `\\-`".to_owned());
            }
            c => out.push(c),
        }
        first = false;
    }
}

/// `:alpha:]` of a class such as `[[:alpha:]]`.
fn named(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    out: &mut String,
) -> Result<(), String> {
    for c in chars.by_ref() {
        out.push(c);
        if c == ']' {
            return Ok(());
        }
    }
    Err("a named class is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::of_go;
    use crate::budget::Budget;
    use crate::regular::Regular;

    #[test]
    fn a_go_pattern_means_the_same_here() {
        for (pattern, text, expected) in [
            (r"^\w+$", "name_1", true),
            (r"^\w+$", "näme", false),
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^\S+$", "a\u{a0}b", true),
            (r"\bkey\b", "äkey", true),
            (r"^[\w.-]+@example\.com$", "a.b-c@example.com", true),
            (r"^[^\W_]+$", "ab_", false),
            (r"^[[]$", "[", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^]a]+$", "b", true),
            (r"^[a&&b]+$", "&", true),
            (r"^[[:alpha:]]+$", "abc", true),
            (r"^feat/", "x\nfeat/", false),
            (r"(?i)^usd$", "USD", true),
        ] {
            let regular = Regular::new(&of_go(pattern).unwrap(), false, true).unwrap();
            assert_eq!(regular.is_match(text, &Budget::new()), Some(expected), "{pattern} {text}");
        }
        for pattern in [r"\Qa.b\E", r"\Ca", r"a\Bb", r"\12", "[a", "a\\", "[a--b]"] {
            assert!(of_go(pattern).is_err(), "{pattern}");
        }
    }
}
