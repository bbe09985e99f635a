//! Where the directory's policies are said to be kept: a place for people, never a path of this machine.

use std::path::Path;

use crate::failure::Failure;

/// The longest place the control plane takes, in characters.
const PLACE_MAX: usize = 200;

/// The place that was given, or the directory's own name.
pub(super) fn of(given: Option<String>, dir: &Path) -> Result<String, Failure> {
    if let Some(place) = given {
        return if fits(&place) {
            Ok(place)
        } else {
            Err(Failure::usage(
                "--source takes 1 to 200 visible characters with single spaces between them",
                "name the repository and the folder, such as acme/policies",
            ))
        };
    }
    // `.` and `..` have no name of their own: the directory they lead to has.
    let whole = dir.canonicalize().ok();
    let name = whole.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    name.filter(|name| fits(name)).map(str::to_owned).ok_or_else(|| {
        Failure::usage(
            format!("the directory `{}` has no name that says where it is", dir.display()),
            "say where its policies are kept with --source, such as acme/policies",
        )
    })
}

/// Whether the control plane would take it: looked at before the first change. What only steers how text
/// looks is refused there.
fn fits(place: &str) -> bool {
    let length = place.chars().take(PLACE_MAX + 1).count();
    let spaced = place.starts_with(' ') || place.ends_with(' ') || place.contains("  ");
    let blank = |c: char| c.is_control() || (c.is_whitespace() && c != ' ');
    (1..=PLACE_MAX).contains(&length) && !spaced && !place.chars().any(blank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_what_was_said_or_the_name_of_the_directory_alone() {
        let said = |place: &str| of(Some(place.to_owned()), Path::new("nowhere"));
        assert_eq!(said("acme/policies prod").unwrap(), "acme/policies prod");
        for bad in ["", " a", "a\nb", &"x".repeat(201)] {
            assert_eq!(said(bad).unwrap_err().exit, 2, "{bad:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        std::fs::create_dir_all(state.join("inner")).unwrap();
        assert_eq!(of(None, &state).unwrap(), "state");
        assert_eq!(of(None, &state.join("inner/..")).unwrap(), "state");
        assert_eq!(of(None, Path::new("/")).unwrap_err().exit, 2);
    }
}
