//! What a call uses of a limit: the amount, and the values that split the counter.

use json::Decimal;

use crate::decision::{Charge, Per, Reason};
use crate::filled::No;
use crate::program::Limit;
use crate::values::{Found, Values};

/// The largest amount a limit can count.
pub(crate) const AMOUNT_MAX: i64 = 9_223_372_036_854;

/// The longest text that may split a counter, in bytes.
pub(crate) const PER_BYTES_MAX: usize = 1_024;

/// What the call uses of a limit, and of which of its budgets.
pub(crate) fn charge(
    limit: &Limit,
    values: &Values<'_>,
    zone: &jiff::tz::TimeZone,
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
    Ok(Charge {
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
    })
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
fn per_value(found: Found<'_>) -> Option<String> {
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
