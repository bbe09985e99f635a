//! Revisions as `ETag` and `If-Match`, so that two editors cannot overwrite each other.

use http::{HeaderMap, HeaderValue, header};

use crate::problem::{Code, Problem};

/// The revision as an entity tag.
pub(crate) fn write(revision: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{revision}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// What an `If-Match` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// There was none.
    Absent,
    /// `*`: whatever stands there now.
    Any,
    /// This revision.
    Revision(i64),
}

impl IfMatch {
    /// Reads the header.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut given = headers.get_all(header::IF_MATCH).iter();
        let Some(value) = given.next() else { return Ok(Self::Absent) };
        let text = value.to_str().unwrap_or_default().trim();
        let revision = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        match revision.and_then(|digits| digits.parse().ok()) {
            Some(revision) if given.next().is_none() => Ok(Self::Revision(revision)),
            None if text == "*" && given.next().is_none() => Ok(Self::Any),
            _ => Err(Problem::new(
                Code::Stale,
                "If-Match takes `*` or one ETag as it was given, such as \"3\"",
            )),
        }
    }

    /// The revision to compare with, where the route insists on an answer.
    pub(crate) fn required(self) -> Result<Option<i64>, Problem> {
        match self {
            Self::Absent => Err(Problem::new(
                Code::NeedsIfMatch,
                "send the ETag of the object you read as If-Match, or `*` to overwrite",
            )),
            Self::Any => Ok(None),
            Self::Revision(revision) => Ok(Some(revision)),
        }
    }

    /// Refuses when the object has moved on.
    pub(crate) fn check(self, what: &'static str, current: i64) -> Result<(), Problem> {
        match self {
            Self::Revision(revision) if revision != current => {
                Err(store::ChangeError::Stale { what, current }.into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_one_tag_or_a_star() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_MATCH, HeaderValue::from_str(value).unwrap());
            }
            IfMatch::of(&headers).ok()
        };
        assert_eq!(read(&[]), Some(IfMatch::Absent));
        assert_eq!(read(&["*"]), Some(IfMatch::Any));
        assert_eq!(read(&["\"7\""]), Some(IfMatch::Revision(7)));
        for bad in [
            &["7"][..],
            &["\"x\""],
            &["W/\"7\""],
            &["\"1\", \"2\""],
            &["*", "*"],
            &["\"1\"", "\"1\""],
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
