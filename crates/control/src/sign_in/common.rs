//! Passwords that are tried first: by what they are made of, not by a list of millions.
//!
//! With twelve characters as the least, what remains common is short common words with figures and
//! marks around them, runs of keys, few letters repeated, and what everybody knows of the person.

/// The stems that lists of leaked passwords begin with, as [`stem`] leaves them.
const STEMS: &[&str] = &[
    "abcdef",
    "access",
    "admin",
    "administrator",
    "adminadmin",
    "asdfgh",
    "asdfghjkl",
    "baseball",
    "batman",
    "bitcoin",
    "business",
    "cambiame",
    "changeit",
    "changeme",
    "charlie",
    "chelsea",
    "chocolate",
    "computer",
    "contrasena",
    "correcthorsebatterystaple",
    "countersign",
    "default",
    "donotuse",
    "dragon",
    "enterprise",
    "facebook",
    "flower",
    "football",
    "freedom",
    "guest",
    "hello",
    "helloworld",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jordan",
    "killer",
    "letmein",
    "letmeinnow",
    "liverpool",
    "login",
    "lovely",
    "loveyou",
    "manager",
    "master",
    "masterpassword",
    "michael",
    "michelle",
    "microsoft",
    "monkey",
    "motdepasse",
    "mypassword",
    "myspace",
    "newpassword",
    "nicole",
    "ninja",
    "nopassword",
    "office",
    "oracle",
    "pass",
    "passord",
    "passphrase",
    "passwort",
    "passwd",
    "password",
    "passwordpassword",
    "payment",
    "payments",
    "pokemon",
    "princess",
    "qazwsx",
    "qazwsxedc",
    "qwerty",
    "qwertyuiop",
    "qwertz",
    "qwertzuiop",
    "root",
    "samsung",
    "secret",
    "secretpassword",
    "security",
    "senha",
    "shadow",
    "soccer",
    "spring",
    "summer",
    "autumn",
    "winter",
    "sunshine",
    "superman",
    "superuser",
    "support",
    "system",
    "temppass",
    "temporary",
    "test",
    "tester",
    "testing",
    "testpassword",
    "testtest",
    "thisisapassword",
    "thisismypassword",
    "toor",
    "trustno",
    "user",
    "username",
    "wachtwoord",
    "welcome",
    "welcometo",
    "whatever",
    "yourpassword",
    "zaqwsx",
    "zxcvbn",
    "zxcvbnm",
];

/// Runs of keys and of figures, read in both directions.
const RUNS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// The fewest different characters.
const DIFFERENT_MIN: usize = 5;

/// Whether this password is among those that are tried first. `about` is what is known of the
/// person: their address and name.
pub(super) fn is_common(password: &str, about: &[&str]) -> bool {
    let folded = password.to_lowercase();
    let mut different: Vec<char> = folded.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < DIFFERENT_MIN || repeats(&folded) || is_run(&folded) {
        return true;
    }
    let stem = stem(&folded);
    if STEMS.contains(&stem.as_str()) || is_run(&stem) {
        return true;
    }
    about.iter().any(|known| {
        let known = known.to_lowercase();
        let local = known.split('@').next().unwrap_or_default();
        let stems = [self::stem(&known), self::stem(local)];
        folded == known || (!stem.is_empty() && stems.contains(&stem))
    })
}

/// Whether the text is one shorter piece of up to six characters again and again.
fn repeats(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    (1..=6.min(letters.len() / 2))
        .any(|size| letters.iter().zip(letters.iter().skip(size)).all(|(a, b)| a == b))
}

/// Whether the text is a piece of a run of keys.
fn is_run(text: &str) -> bool {
    let backwards: String = text.chars().rev().collect();
    text.len() >= 6 && RUNS.iter().any(|run| run.contains(text) || run.contains(&backwards))
}

/// What is left of a password without figures, marks and blanks around or within it, with letters
/// in place of the signs that stand for them.
fn stem(folded: &str) -> String {
    let edge = |c: char| !c.is_alphabetic() && !matches!(c, '@' | '$');
    let core = folded.trim_matches(edge);
    let letter = |c: char| match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    core.chars().map(letter).filter(|c| c.is_alphabetic()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_found_behind_what_is_put_around_them() {
        for common in [
            "password1234",
            "p@$$w0rd!!!!",
            "2026password2026",
            "Welcome_2026!",
            "iloveyou1234",
            "Qwertyuiop!1",
            "zxcvbnm,./12",
            "zyxwvutsrqpo",
            "1q2w3e4r5t6y",
            "ababababababab",
            "Letmein-12345",
        ] {
            assert!(is_common(common, &[]), "{common}");
        }
        for good in ["tram-lemon-4-cloud", "password reset for the moon", "8f3k2j9d7s6a"] {
            assert!(!is_common(good, &[]), "{good}");
        }
    }

    #[test]
    fn what_is_known_of_the_person_is_no_password() {
        let about = ["grace.hopper@navy.example", "Grace Hopper"];
        for common in ["grace.hopper@navy.example", "GraceHopper1906", "Grace Hopper!!"] {
            assert!(is_common(common, &about), "{common}");
        }
        assert!(!is_common("grace built a compiler", &about));
    }
}
