//! What a careless reader may take for the same member name.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

/// The name with compatibility forms, case and invisible characters removed.
///
/// - **Shape**: NFKC, default-ignorable code points dropped, lower case, NFKC again.
/// - **Source**: Go's decoder matches names without regard to case, others normalise; two names
///   with one folded form must not stand in one object.
pub fn fold(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            return Cow::Owned(name.to_ascii_lowercase());
        }
        return Cow::Borrowed(name);
    }
    let plain: String = name
        .nfkc()
        .filter(|c| !is_default_ignorable(*c))
        // Down, up and down again: several small letters share a capital (ς and σ, ſ and s), and
        // some capitals a small letter (ẞ).
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    Cow::Owned(plain.nfkc().collect())
}

/// Default_Ignorable_Code_Point of the Unicode character database.
fn is_default_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}'
            | '\u{034f}'
            | '\u{061c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn names_that_a_careless_reader_confuses_fold_to_one() {
        for (a, b) in [
            ("amount", "Amount"),
            ("amount", "amo\u{200b}unt"),
            ("amount", "\u{ff41}mount"),
            ("params", "param\u{017f}"),
            ("token", "to\u{212a}en"),
            ("amount", "\u{202e}amount"),
            ("amount", "amount\u{feff}"),
        ] {
            assert_eq!(fold(a), fold(b), "{b:?}");
        }
    }

    #[test]
    fn letters_that_differ_by_case_alone_fold_to_one() {
        let cased: String = (0..=u32::from(char::MAX))
            .filter_map(char::from_u32)
            .filter(|c| c.to_lowercase().ne([*c]) || c.to_uppercase().ne([*c]))
            .collect();
        for c in cased.chars() {
            let any_case = regex::Regex::new(&format!("(?i){c}")).unwrap();
            for found in any_case.find_iter(&cased) {
                let c = c.to_string();
                assert_eq!(fold(&c), fold(found.as_str()), "{c:?} and {:?}", found.as_str());
            }
        }
    }

    #[test]
    fn names_of_other_scripts_stay_apart() {
        assert_ne!(fold("amount"), fold("\u{0430}mount"));
        assert_ne!(fold("a"), fold("b"));
    }
}
