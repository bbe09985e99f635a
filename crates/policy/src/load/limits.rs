//! Limits: what they count, over which window, split by what.

use std::collections::HashSet;
use std::time::Duration;

use super::reader::{At, Fields};
use super::rules::{Reading, Rules, duration, spot};
use crate::charge::{AMOUNT_MAX, OnUnknown, Scope, Window};
use crate::program::{Limit, PathText};
use crate::suggest;

/// The keys of a limit.
pub(crate) const LIMIT: [&str; 10] = [
    "counter",
    "window",
    "max",
    "rolling",
    "amount",
    "per",
    "scope",
    "count_failed",
    "on_unknown",
    "on_deny",
];

/// The named windows.
pub(crate) const WINDOWS: [(&str, Window); 5] = [
    ("minute", Window::Minute),
    ("hour", Window::Hour),
    ("day", Window::Day),
    ("week", Window::Week),
    ("month", Window::Month),
];

/// The longest window.
const WINDOW_MAX: Duration = Duration::from_secs(366 * 86_400);

/// The most paths that may split one counter.
const PER_MAX: usize = 8;

impl Rules<'_> {
    pub(crate) fn limits(&mut self, fields: &Fields<'_>, reading: &mut Reading) -> Vec<Limit> {
        let Some(at) = fields.get("limits") else { return Vec::new() };
        let elements = self.loader.list(&at, "`limits`").unwrap_or_default();
        let mut met = HashSet::new();
        elements.iter().filter_map(|at| self.limit(at, &mut met, reading)).collect()
    }

    fn limit<'n>(
        &mut self,
        at: &At<'n>,
        met: &mut HashSet<&'n str>,
        reading: &mut Reading,
    ) -> Option<Limit> {
        let what = "a limit";
        let fields = self.loader.fields(at, what, &LIMIT)?;
        let counter = self.loader.needed(&fields, "counter", what);
        let counter = counter.and_then(|at| self.counter(&at, met));
        let window = self.loader.needed(&fields, "window", what).and_then(|at| self.window(&at));
        let max = self.loader.needed(&fields, "max", what).and_then(|at| self.max(&at));
        let rolling = fields.get("rolling").map(|at| self.rolling(&at, window));
        let amount = fields.get("amount").map(|at| self.amount(&at, reading));
        let per = fields.get("per").map_or(Some(Vec::new()), |at| self.per(&at, reading));
        let scope = fields
            .get("scope")
            .map_or(Some(Scope::Grant), |at| self.loader.choice(&at, "`scope`", &Scope::ALL));
        let count_failed = fields
            .get("count_failed")
            .map_or(Some(false), |at| self.loader.boolean(&at, "`count_failed`"));
        let on_unknown = fields.get("on_unknown").map(|at| {
            let choices = [("keep", OnUnknown::Keep), ("roll_back", OnUnknown::RollBack)];
            self.loader.choice(&at, "`on_unknown`", &choices)
        });
        let on_deny = fields.get("on_deny").and_then(|at| self.message(&at, "`on_deny`"));

        let (counter, window, amount) =
            (counter?, window?, amount.map_or(Some(None), |a| a.map(Some))?);
        let default = if amount.is_some() { OnUnknown::Keep } else { OnUnknown::RollBack };
        Some(Limit {
            rule: reading.rule(&["limits", counter]),
            place: reading.place.clone(),
            counter: counter.into(),
            window,
            rolling: rolling.unwrap_or(Some(matches!(window, Window::Length(_))))?,
            max_millionths: max?,
            amount,
            per: per?,
            scope: scope?,
            count_failed: count_failed?,
            on_unknown: on_unknown.unwrap_or(Some(default))?,
            on_deny,
            at: spot(at),
        })
    }

    fn counter<'n>(&mut self, at: &At<'n>, met: &mut HashSet<&'n str>) -> Option<&'n str> {
        let name = self.loader.name(at, "`counter`")?;
        if !met.insert(name) {
            let message = format!("a counter named `{name}` stands in this list already");
            self.loader.problem(at, "duplicate_counter", message);
            return None;
        }
        Some(name)
    }

    fn window(&mut self, at: &At<'_>) -> Option<Window> {
        let text = self.loader.string(at, "`window`")?;
        if let Some((_, window)) = WINDOWS.iter().find(|(name, _)| *name == text) {
            return Some(*window);
        }
        match duration(text) {
            Some(length) if length <= WINDOW_MAX => Some(Window::Length(length)),
            Some(_) => {
                self.loader.problem(at, "out_of_range", "a window is at most `366d` long");
                None
            }
            None => {
                let names = WINDOWS.iter().map(|(name, _)| *name);
                let nearest = suggest::nearest(text, names).map(str::to_owned);
                let message = format!(
                    "`window` is `minute`, `hour`, `day`, `week`, `month` or a length such as \
                     `90s` or `6h`, not `{text}`"
                );
                self.loader.suggest(at, "bad_window", message, nearest);
                None
            }
        }
    }

    fn max(&mut self, at: &At<'_>) -> Option<i64> {
        let number = self.loader.number(at, "`max`")?.value();
        let mut refuse = |message: &str| {
            self.loader.problem(at, "out_of_range", message);
            None
        };
        if number.is_negative() {
            return refuse("`max` is 0 or more");
        }
        if number > AMOUNT_MAX.into() {
            return refuse("`max` is at most 9223372036854");
        }
        if number.exponent() < -6 {
            return refuse("`max` has at most six decimals");
        }
        number.millionths_up()
    }

    fn rolling(&mut self, at: &At<'_>, window: Option<Window>) -> Option<bool> {
        let rolling = self.loader.boolean(at, "`rolling`")?;
        if !rolling && matches!(window, Some(Window::Length(_))) {
            let message = "a window given as a length is always rolling: leave `rolling` out";
            self.loader.problem(at, "bad_value", message);
            return None;
        }
        Some(rolling)
    }

    fn amount(&mut self, at: &At<'_>, reading: &mut Reading) -> Option<PathText> {
        let (text, path) = self.path(at, reading)?;
        if !path.reads_args() {
            self.loader.problem(at, "bad_path", "`amount` is a path into `args`");
            return None;
        }
        Some(PathText { text, slot: reading.slots.slot(&path) })
    }

    fn per(&mut self, at: &At<'_>, reading: &mut Reading) -> Option<Vec<PathText>> {
        let elements = self.loader.list(at, "`per`")?;
        if elements.len() > PER_MAX {
            let message = format!("`per` has at most {PER_MAX} paths");
            self.loader.problem(at, "out_of_range", message);
        }
        let read: Vec<Option<PathText>> = elements
            .iter()
            .map(|at| {
                let (text, path) = self.single_path(at, "a path of `per`", reading)?;
                Some(PathText { text, slot: reading.slots.slot(&path) })
            })
            .collect();
        read.into_iter().collect()
    }
}
