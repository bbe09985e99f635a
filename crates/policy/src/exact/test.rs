//! One question about one place of a call, and what it says of a value that stands there.

use json::Decimal;

use crate::budget::Budget;
use crate::charge;
use crate::compare;
use crate::pattern::NamePattern;
use crate::program::{Comparison, Constant};
use crate::truth::Truth;
use crate::values::{Found, Scalar};

/// A set of truth values, as bits: false 1, indeterminate 2, true 4.
pub(crate) type Truths = u8;

/// Any truth at all.
pub(crate) const ANY: Truths = 7;

/// The set of one truth value.
pub(crate) fn only(truth: Truth) -> Truths {
    match truth {
        Truth::False => 1,
        Truth::Indeterminate => 2,
        Truth::True => 4,
    }
}

/// A question about what stands at one place.
#[derive(Clone, Debug)]
pub(crate) enum Test<'p> {
    /// A comparison with constants.
    Compare(&'p Comparison),
    /// Whether a limit can hold it: a number from 0 to so many millionths.
    Amount(i64),
    /// Whether it can split a counter: a scalar, and no long text.
    Splits,
    /// Whether it is this very value.
    Is(Constant),
    /// Whether it is a name of this form.
    Name(NamePattern),
}

impl Test<'_> {
    /// What it says of the value; every value that stands alone has one answer.
    pub(crate) fn truth(&self, found: Found<'_>) -> Truth {
        let budget = Budget::new();
        match self {
            Self::Compare(comparison) => match compare::alone(found, comparison, &budget) {
                Ok(holds) => holds.into(),
                Err(_) => Truth::Indeterminate,
            },
            Self::Amount(max) => match found {
                Found::Number(number) => {
                    let max = Decimal::new(false, max.unsigned_abs(), -6);
                    let most = max.min(Decimal::from(charge::AMOUNT_MAX));
                    (!number.value().is_negative() && number.value() <= most).into()
                }
                _ => Truth::False,
            },
            Self::Splits => charge::per_value(found).is_some().into(),
            Self::Is(constant) => match compare::as_scalar(found) {
                Ok(scalar) => {
                    compare::equal(scalar, constant.as_scalar(), &budget).unwrap_or(false).into()
                }
                Err(_) => Truth::False,
            },
            Self::Name(pattern) => match found {
                Found::Text(text) => pattern.matches(text).into(),
                _ => Truth::False,
            },
        }
    }

    /// The constants it compares with.
    pub(crate) fn constants(&self) -> Vec<Constant> {
        use crate::program::Operand;
        match self {
            Self::Compare(comparison) => match &comparison.operand {
                Operand::Scalar(constant) => vec![constant.clone()],
                Operand::Set(set) => set.constants().collect(),
                _ => Vec::new(),
            },
            Self::Is(constant) => vec![constant.clone()],
            Self::Amount(max) => {
                let max = Decimal::new(false, max.unsigned_abs(), -6);
                let most = max.min(Decimal::from(charge::AMOUNT_MAX));
                vec![Constant::Number(Decimal::ZERO), Constant::Number(most)]
            }
            Self::Splits | Self::Name(_) => Vec::new(),
        }
    }
}

/// Whether the scalar is the constant.
pub(crate) fn is(constant: &Constant, scalar: Scalar<'_>) -> bool {
    compare::equal(scalar, constant.as_scalar(), &Budget::new()).unwrap_or(false)
}
