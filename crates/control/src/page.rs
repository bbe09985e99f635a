//! Lists by cursor: `limit` and `after` in, `items` and `next` out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// How many rows a list gives when nobody says.
const LIMIT_DEFAULT: u32 = 100;
/// The most rows one answer holds.
const LIMIT_MAX: u32 = 500;
/// The longest cursor that is looked at.
const CURSOR_BYTES_MAX: usize = 600;

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// Give this as `after` to go on; `null` when this was the end.
    pub(crate) next: Option<String>,
}

/// Where a list goes on, and how much of it is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The most rows, 1 to 500; 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    pub(crate) limit: Option<String>,
    /// The `next` of the part before.
    pub(crate) after: Option<String>,
}

impl PageQuery {
    /// The page, for a list that the store cuts.
    pub(crate) fn page(self) -> Result<store::Page, Problem> {
        let after = self.after.map(cursor).transpose()?;
        Ok(store::Page { after, limit: limit(self.limit.as_deref(), LIMIT_DEFAULT)? })
    }

    /// Cuts a whole list, already in the order of its keys.
    pub(crate) fn cut<T, U>(
        self,
        rows: Vec<T>,
        order: Order,
        key: impl Fn(&T) -> String,
        view: impl FnMut(T) -> U,
    ) -> Result<List<U>, Problem> {
        let limit = limit(self.limit.as_deref(), LIMIT_DEFAULT)? as usize;
        let after = match self.after {
            None => None,
            Some(text) => Some(unseal(&cursor(text)?).ok_or_else(bad_cursor)?),
        };
        let mut rows: Vec<(String, T)> = rows.into_iter().map(|row| (key(&row), row)).collect();
        rows.sort_by(|(a, _), (b, _)| match order {
            Order::Up => a.cmp(b),
            Order::Down => b.cmp(a),
        });
        if let Some(after) = after {
            rows.retain(|(key, _)| match order {
                Order::Up => *key > after,
                Order::Down => *key < after,
            });
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(key, _)| URL_SAFE_NO_PAD.encode(key));
        Ok(List { items: rows.into_iter().map(|(_, row)| row).map(view).collect(), next })
    }
}

/// Which way a list runs.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// Smallest key first.
    Up,
    /// Largest key first.
    Down,
}

/// A key that sorts by time, then by id.
pub(crate) fn time_key(at: store::Moment, id: &str) -> String {
    format!("{:020}/{id}", at.micros().max(0))
}

/// Reads a `limit`.
pub(crate) fn limit(text: Option<&str>, default: u32) -> Result<u32, Problem> {
    let Some(text) = text else { return Ok(default) };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| digits && (1..=LIMIT_MAX).contains(n)).ok_or_else(|| {
        Problem::field("limit", "invalid_value", format!("limit is 1 to {LIMIT_MAX}"))
    })
}

fn cursor(text: String) -> Result<String, Problem> {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'~');
    let fits = !text.is_empty() && text.len() <= CURSOR_BYTES_MAX;
    if fits && text.bytes().all(known) { Ok(text) } else { Err(bad_cursor()) }
}

fn unseal(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn bad_cursor() -> Problem {
    Problem::field("after", "invalid_value", "after takes the `next` of the part before, unchanged")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(limit: Option<&str>, after: Option<&str>) -> PageQuery {
        PageQuery { limit: limit.map(str::to_owned), after: after.map(str::to_owned) }
    }

    #[test]
    fn a_list_is_walked_to_its_end_even_when_rows_vanish() {
        let mut rows = vec!["d", "a", "c", "e", "b"];
        let cut = |rows: &[&'static str], after: Option<&str>| {
            query(Some("2"), after)
                .cut(rows.to_vec(), Order::Up, |r| (*r).to_owned(), |r| r)
                .unwrap()
        };
        let first = cut(&rows, None);
        assert_eq!(first.items, ["a", "b"]);
        rows.retain(|r| *r != "b" && *r != "c");
        let second = cut(&rows, first.next.as_deref());
        assert_eq!((second.items, second.next), (vec!["d", "e"], None));
    }

    #[test]
    fn limits_and_cursors_out_of_range_are_refused() {
        for bad in
            ["0", "501", "-1", "1000000000", "99999999999999999999", "1;drop", "", "+5", "1.0"]
        {
            assert!(query(Some(bad), None).page().is_err(), "{bad}");
        }
        assert_eq!(query(Some("500"), None).page().unwrap().limit, 500);
        let long = "a".repeat(601);
        for bad in ["", "a b", "é", "'", long.as_str()] {
            assert!(query(None, Some(bad)).page().is_err(), "{bad}");
        }
    }
}
