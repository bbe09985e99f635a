//! Kleene's strong three-valued logic.

/// What is known of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does not hold.
    False,
    /// It cannot be judged.
    Indeterminate,
    /// It holds.
    True,
}

impl Truth {
    /// The name used in traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::False => "false",
            Self::Indeterminate => "indeterminate",
            Self::True => "true",
        }
    }

    /// Whether a list that fires on what it cannot rule out fires.
    pub(crate) const fn may_hold(self) -> bool {
        !matches!(self, Self::False)
    }

    /// Whether it holds for certain.
    pub(crate) const fn holds(self) -> bool {
        matches!(self, Self::True)
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Indeterminate => Self::Indeterminate,
            Self::True => Self::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// True only if all are; false as soon as one is. All of nothing is true.
pub(crate) fn all(each: impl IntoIterator<Item = Truth>) -> Truth {
    let mut truth = Truth::True;
    for one in each {
        match one {
            Truth::False => return Truth::False,
            Truth::Indeterminate => truth = Truth::Indeterminate,
            Truth::True => {}
        }
    }
    truth
}

/// True as soon as one is; false only if all are. Any of nothing is false.
pub(crate) fn any(each: impl IntoIterator<Item = Truth>) -> Truth {
    !all(each.into_iter().map(std::ops::Not::not))
}

#[cfg(test)]
mod tests {
    use super::{Truth, all, any};
    use Truth::{False as F, Indeterminate as I, True as T};

    #[test]
    fn the_tables_are_kleenes() {
        for (a, b, and, or) in
            [(T, T, T, T), (T, F, F, T), (T, I, I, T), (F, F, F, F), (F, I, F, I), (I, I, I, I)]
        {
            for (x, y) in [(a, b), (b, a)] {
                assert_eq!(all([x, y]), and, "{x:?} and {y:?}");
                assert_eq!(any([x, y]), or, "{x:?} or {y:?}");
                assert_eq!(!all([x, y]), any([!x, !y]), "De Morgan");
            }
        }
        assert_eq!((all([]), any([])), (T, F));
    }
}
