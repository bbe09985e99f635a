//! What a call uses of a limit: the amount, and the values that split the counter.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use json::Decimal;

use crate::decision::Reason;
use crate::filled::No;
use crate::program::Limit;
use crate::values::{Found, Values};

/// The largest amount a limit can count.
pub(crate) const AMOUNT_MAX: i64 = 9_223_372_036_854;

/// The longest text that may split a counter, in bytes.
pub(crate) const PER_BYTES_MAX: usize = 1_024;

/// What one call uses of one limit.
///
/// - **Shape**: the counter's identity is the tuple (organisation, subject of `scope`, server,
///   `place`, `counter`, `per`); nothing is ever joined into one string.
/// - **Units**: `max_millionths` and `amount_millionths` are millionths, the amount rounded up.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The limit's rule.
    pub rule: Arc<str>,
    /// Under which part of the policy it stands.
    pub place: Place,
    /// The counter's name.
    pub counter: Arc<str>,
    /// The window.
    pub window: Window,
    /// Whether no interval of the window's length may hold more, or no calendar window.
    pub rolling: bool,
    /// The zone of calendar windows.
    pub zone: TimeZone,
    /// The most a window may hold.
    pub max_millionths: i64,
    /// What this call uses.
    pub amount_millionths: i64,
    /// Whether the limit names an amount (money), or counts calls.
    pub counts_amount: bool,
    /// What splits the counter.
    pub per: Vec<Per>,
    /// Whose usage is counted together.
    pub scope: Scope,
    /// Whether a call that the tool itself answers with an error counts.
    pub count_failed: bool,
    /// What becomes of a call whose outcome nobody knows.
    pub on_unknown: OnUnknown,
    /// What the agent is told when the limit is reached.
    pub on_deny: Option<Arc<str>>,
}

impl Charge {
    /// What the agent is told when this limit cannot hold the call.
    pub fn denial_message(&self) -> String {
        self.on_deny.as_deref().map_or_else(
            || format!("The limit {} cannot hold this call.", self.rule),
            str::to_owned,
        )
    }
}

/// A limit as the policy states it, before any call.
#[derive(Clone, Debug)]
pub struct StatedLimit {
    /// What a call that uses nothing of it would be charged: `amount_millionths` is 0 and `per` is
    /// empty.
    pub charge: Charge,
    /// The paths whose values split the counter, as the policy writes them.
    pub per_paths: Vec<Arc<str>>,
}

impl StatedLimit {
    pub(crate) fn of(limit: &Limit, zone: &TimeZone) -> Self {
        let charge = of(limit, zone, 0, Vec::new());
        Self { charge, per_paths: limit.per.iter().map(|path| Arc::clone(&path.text)).collect() }
    }
}

/// One value that splits a counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Per {
    /// The path, as the policy writes it.
    pub path: Arc<str>,
    /// The scalar there as JSON text: strings in quotes, numbers in one spelling for equal values.
    pub value: String,
}

/// Under which part of the policy a limit stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// `all_tools`: one counter for every tool.
    AllTools,
    /// A key of `tools`, as written: one counter for every tool that the key covers.
    Tool(Arc<str>),
}

/// The window of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// `minute`
    Minute,
    /// `hour`
    Hour,
    /// `day`
    Day,
    /// `week`, from Monday
    Week,
    /// `month`
    Month,
    /// A length of its own; always rolling.
    Length(Duration),
}

impl Window {
    /// The length of the window when it rolls. A month counts as its longest, 31 days, so that no
    /// month ever holds more than the limit.
    pub const fn rolling_length(self) -> Duration {
        match self {
            Self::Minute => Duration::from_secs(60),
            Self::Hour => Duration::from_secs(3_600),
            Self::Day => Duration::from_secs(86_400),
            Self::Week => Duration::from_secs(7 * 86_400),
            Self::Month => Duration::from_secs(31 * 86_400),
            Self::Length(length) => length,
        }
    }
}

/// Whose usage is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `grant`
    Grant,
    /// `identity`
    Identity,
    /// `policy`
    Policy,
    /// `server`
    Server,
    /// `organisation`
    Organisation,
}

impl Scope {
    /// Every scope with its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("grant", Self::Grant),
        ("identity", Self::Identity),
        ("policy", Self::Policy),
        ("server", Self::Server),
        ("organisation", Self::Organisation),
    ];
}

/// What a call whose outcome nobody knows does to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnUnknown {
    /// It stays counted.
    Keep,
    /// It is rolled back.
    RollBack,
}

/// What the call uses of a limit, and of which of its budgets.
pub(crate) fn charge(
    limit: &Limit,
    values: &Values<'_>,
    zone: &TimeZone,
) -> Result<Charge, Box<No>> {
    let deny = |reason, engine: &dyn Fn() -> String| {
        let message = limit.on_deny.as_deref().map_or_else(engine, str::to_owned);
        No::new(limit.rule.clone(), reason, message)
    };
    let amount_millionths = match &limit.amount {
        None => 1_000_000,
        Some(path) => amount(values.get(path.slot), values).ok_or_else(|| {
            deny(Reason::LimitAmount, &|| {
                format!("The limit {} cannot read an amount at `{}`.", limit.rule, path.text)
            })
        })?,
    };
    let mut per = Vec::with_capacity(limit.per.len());
    for path in &limit.per {
        let value = per_value(values.get(path.slot)).ok_or_else(|| {
            deny(Reason::LimitPer, &|| {
                format!("The limit {} cannot read a value at `{}`.", limit.rule, path.text)
            })
        })?;
        per.push(Per { path: path.text.clone(), value });
    }
    Ok(of(limit, zone, amount_millionths, per))
}

fn of(limit: &Limit, zone: &TimeZone, amount_millionths: i64, per: Vec<Per>) -> Charge {
    Charge {
        rule: limit.rule.clone(),
        place: limit.place.clone(),
        counter: limit.counter.clone(),
        window: limit.window,
        rolling: limit.rolling,
        zone: zone.clone(),
        max_millionths: limit.max_millionths,
        amount_millionths,
        counts_amount: limit.amount.is_some(),
        per,
        scope: limit.scope,
        count_failed: limit.count_failed,
        on_unknown: limit.on_unknown,
        on_deny: limit.on_deny.clone(),
    }
}

/// The amount in millionths, rounded up; over `[*]`, the sum of every element's.
fn amount(found: Found<'_>, values: &Values<'_>) -> Option<i64> {
    match found {
        Found::Number(number) => one_amount(number.value()),
        Found::Places(index) => {
            let most = AMOUNT_MAX.checked_mul(1_000_000)?;
            values.places(index).iter().try_fold(0_i64, |sum, place| {
                let sum = sum.checked_add(amount(*place, values)?)?;
                (sum <= most).then_some(sum)
            })
        }
        _ => None,
    }
}

fn one_amount(value: Decimal) -> Option<i64> {
    if value.is_negative() || value > Decimal::from(AMOUNT_MAX) {
        return None;
    }
    value.millionths_up()
}

/// The scalar as JSON text in one spelling.
pub(crate) fn per_value(found: Found<'_>) -> Option<String> {
    match found {
        Found::Bool(value) => Some(value.to_string()),
        Found::Number(number) => Some(number.value().to_string()),
        Found::Text(text) if text.len() <= PER_BYTES_MAX => {
            let mut out = Vec::with_capacity(text.len() + 2);
            json::write_string(text, &mut out);
            String::from_utf8(out).ok()
        }
        _ => None,
    }
}
