//! Whether some choice of classes meets every demand: a search over finite sets that never guesses.
//!
//! A demand is a formula of and/or over "this variable is in one of these classes". What one demand
//! leaves as the only way is taken at once; where several ways are left, each is tried. The search is
//! counted in steps, and gives up in the open when they are used up.

use std::cell::Cell;
use std::rc::Rc;

use super::bits::Bits;

/// The search would cost more steps than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// The steps that are left.
#[derive(Debug)]
pub(crate) struct Steps(Cell<u64>);

impl Steps {
    pub(crate) fn new(most: u64) -> Self {
        Self(Cell::new(most))
    }

    pub(crate) fn take(&self, steps: usize) -> Result<(), TooLarge> {
        let left = self.0.get().checked_sub(u64::try_from(steps).unwrap_or(u64::MAX));
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or(TooLarge)
    }
}

/// A formula over the classes of variables.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Demand {
    /// Met by everything.
    Always,
    /// Met by nothing.
    Never,
    /// The variable is in one of these classes.
    In(usize, Bits),
    All(Vec<Demand>),
    Any(Vec<Demand>),
}

/// What is known of a demand under some domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Met,
    Broken,
    Open,
}

impl Demand {
    /// One class set of one variable.
    pub(crate) fn among(variable: usize, classes: Bits) -> Self {
        if classes.is_empty() {
            Self::Never
        } else if classes.count() == classes.bound() {
            Self::Always
        } else {
            Self::In(variable, classes)
        }
    }

    /// All of them; sets of one variable become one set.
    pub(crate) fn all(list: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = Vec::new();
        let mut queue: Vec<Self> = list.into_iter().collect();
        queue.reverse();
        while let Some(next) = queue.pop() {
            match next {
                Self::Always => {}
                Self::Never => return Self::Never,
                Self::All(inner) => queue.extend(inner.into_iter().rev()),
                Self::In(variable, classes) => {
                    match merged(&mut parts, variable, &classes, Bits::and) {
                        Some(both) if both.is_empty() => return Self::Never,
                        Some(_) => {}
                        None => parts.push(Self::In(variable, classes)),
                    }
                }
                other => parts.push(other),
            }
        }
        match parts.len() {
            0 => Self::Always,
            1 => parts.pop().unwrap_or(Self::Always),
            _ => Self::All(parts),
        }
    }

    /// One of them at least.
    pub(crate) fn any(list: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = Vec::new();
        let mut queue: Vec<Self> = list.into_iter().collect();
        queue.reverse();
        while let Some(next) = queue.pop() {
            match next {
                Self::Never => {}
                Self::Always => return Self::Always,
                Self::Any(inner) => queue.extend(inner.into_iter().rev()),
                Self::In(variable, classes) => {
                    match merged(&mut parts, variable, &classes, Bits::or) {
                        Some(both) if both.count() == both.bound() => return Self::Always,
                        Some(_) => {}
                        None => parts.push(Self::In(variable, classes)),
                    }
                }
                other => parts.push(other),
            }
        }
        match parts.len() {
            0 => Self::Never,
            1 => parts.pop().unwrap_or(Self::Never),
            _ => Self::Any(parts),
        }
    }

    /// The opposite.
    pub(crate) fn not(&self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::In(variable, classes) => Self::among(*variable, classes.not()),
            Self::All(list) => Self::any(list.iter().map(Self::not)),
            Self::Any(list) => Self::all(list.iter().map(Self::not)),
        }
    }

    /// What is known of it when each variable is in its domain.
    pub(crate) fn status(&self, domains: &[Bits], steps: &Steps) -> Result<Status, TooLarge> {
        Ok(match self {
            Self::Always => Status::Met,
            Self::Never => Status::Broken,
            Self::In(variable, classes) => {
                steps.take(classes.cost())?;
                match domains.get(*variable) {
                    Some(domain) if !domain.meets(classes) => Status::Broken,
                    Some(domain) if domain.within(classes) => Status::Met,
                    _ => Status::Open,
                }
            }
            Self::All(list) => {
                let mut sum = Status::Met;
                for part in list {
                    match part.status(domains, steps)? {
                        Status::Broken => return Ok(Status::Broken),
                        Status::Open => sum = Status::Open,
                        Status::Met => {}
                    }
                }
                sum
            }
            Self::Any(list) => {
                let mut sum = Status::Broken;
                for part in list {
                    match part.status(domains, steps)? {
                        Status::Met => return Ok(Status::Met),
                        Status::Open => sum = Status::Open,
                        Status::Broken => {}
                    }
                }
                sum
            }
        })
    }

    /// The variables it speaks of.
    pub(crate) fn variables(&self, each: &mut impl FnMut(usize)) {
        match self {
            Self::Always | Self::Never => {}
            Self::In(variable, _) => each(*variable),
            Self::All(list) | Self::Any(list) => list.iter().for_each(|part| part.variables(each)),
        }
    }
}

/// Puts a set together with the one of the same variable, if there is one.
fn merged(
    parts: &mut [Demand],
    variable: usize,
    classes: &Bits,
    join: impl Fn(&Bits, &Bits) -> Bits,
) -> Option<Bits> {
    let known = parts.iter_mut().find_map(|part| match part {
        Demand::In(other, known) if *other == variable => Some(known),
        _ => None,
    })?;
    *known = join(known, classes);
    Some(known.clone())
}

/// What the variables may still be, and the demands that are not met by all of that.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) domains: Vec<Bits>,
    pending: Vec<Rc<Demand>>,
}

impl State {
    /// Every variable in every class of its domain.
    pub(crate) fn new(domains: Vec<Bits>) -> Self {
        Self { domains, pending: Vec::new() }
    }

    /// Adds a demand; `false` when nothing can meet it any more.
    pub(crate) fn add(&mut self, demand: &Demand, steps: &Steps) -> Result<bool, TooLarge> {
        steps.take(8 + self.domains.len())?;
        let before = self.domains.clone();
        if !self.take(demand, steps)? {
            return Ok(false);
        }
        self.settle(before, steps)
    }

    /// Takes what a demand leaves as the only way; keeps the rest for later.
    fn take(&mut self, demand: &Demand, steps: &Steps) -> Result<bool, TooLarge> {
        match demand {
            Demand::Always => Ok(true),
            Demand::Never => Ok(false),
            Demand::In(variable, classes) => {
                steps.take(classes.cost())?;
                let Some(domain) = self.domains.get_mut(*variable) else { return Ok(true) };
                *domain = domain.and(classes);
                Ok(!domain.is_empty())
            }
            Demand::All(list) => {
                for part in list {
                    if !self.take(part, steps)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Demand::Any(list) => {
                let mut open = Vec::new();
                for part in list {
                    match part.status(&self.domains, steps)? {
                        Status::Met => return Ok(true),
                        Status::Open => open.push(part),
                        Status::Broken => {}
                    }
                }
                match open.as_slice() {
                    [] => Ok(false),
                    [one] => self.take(one, steps),
                    many => {
                        let rest = many.iter().map(|part| (*part).clone()).collect();
                        self.pending.push(Rc::new(Demand::Any(rest)));
                        Ok(true)
                    }
                }
            }
        }
    }

    /// Looks again at what is pending until nothing changes any more.
    fn settle(&mut self, mut before: Vec<Bits>, steps: &Steps) -> Result<bool, TooLarge> {
        loop {
            let changed: Vec<bool> =
                self.domains.iter().zip(&before).map(|(now, then)| now != then).collect();
            if !changed.contains(&true) {
                return Ok(true);
            }
            before.clone_from(&self.domains);
            let pending = std::mem::take(&mut self.pending);
            steps.take(8 * pending.len())?;
            for demand in pending {
                let mut touched = false;
                demand.variables(&mut |v| touched |= changed.get(v).copied().unwrap_or(false));
                if !touched {
                    self.pending.push(demand);
                } else if !self.take(&demand, steps)? {
                    return Ok(false);
                }
            }
        }
    }

    /// A state in which every choice of classes meets every demand, if there is one.
    pub(crate) fn solve(mut self, steps: &Steps) -> Result<Option<Self>, TooLarge> {
        loop {
            steps.take(1)?;
            // The demand with the fewest ways left makes the smallest tree.
            let ways = |demand: &Rc<Demand>| match &**demand {
                Demand::Any(list) => list.len(),
                _ => 1,
            };
            let next = self.pending.iter().enumerate().min_by_key(|(_, demand)| ways(demand));
            let Some((index, demand)) = next.map(|(index, demand)| (index, demand.clone())) else {
                return Ok(Some(self));
            };
            let Demand::Any(list) = &*demand else {
                self.pending.swap_remove(index);
                if !self.add(&demand, steps)? {
                    return Ok(None);
                }
                continue;
            };
            self.pending.swap_remove(index);
            for way in list {
                // What a copy of everything costs.
                let words: usize = self.domains.iter().map(Bits::cost).sum();
                steps.take(16 + 4 * self.pending.len() + 2 * words)?;
                let mut tried = self.clone();
                if tried.add(way, steps)?
                    && let Some(found) = tried.solve(steps)?
                {
                    return Ok(Some(found));
                }
                if !self.add(&way.not(), steps)? {
                    return Ok(None);
                }
            }
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(variable: usize, classes: &[usize]) -> Demand {
        Demand::among(variable, Bits::of(3, |n| classes.contains(&n)))
    }

    #[test]
    fn the_search_finds_what_trying_everything_finds() {
        // Three variables of three classes; every pair of demands out of a few shapes.
        let shapes: Vec<Demand> = (0..27)
            .flat_map(|n| {
                let (a, b, c) = (among(0, &[n % 3]), among(1, &[n / 3 % 3]), among(2, &[n / 9, 2]));
                [
                    Demand::any([a.clone(), Demand::all([b.clone(), c.clone()])]),
                    Demand::all([Demand::any([a, b.not()]), c.not()]),
                ]
            })
            .collect();
        let holds = |demand: &Demand, at: [usize; 3]| {
            let domains = at.map(|n| Bits::of(3, |m| m == n));
            demand.status(&domains, &Steps::new(1_000)).unwrap() == Status::Met
        };
        for (number, first) in shapes.iter().enumerate() {
            for second in shapes.iter().skip(number % 3).step_by(3) {
                let every = (0..27).map(|n| [n % 3, n / 3 % 3, n / 9]);
                let expected = every.clone().any(|at| holds(first, at) && holds(second, at));
                let steps = Steps::new(100_000);
                let mut state = State::new(vec![Bits::all(3); 3]);
                let open = state.add(first, &steps).unwrap() && state.add(second, &steps).unwrap();
                let found = if open { state.solve(&steps).unwrap() } else { None };
                assert_eq!(found.is_some(), expected, "{first:?} {second:?}");
                if let Some(found) = found {
                    let at = [0, 1, 2].map(|v| found.domains[v].iter().next().unwrap());
                    assert!(holds(first, at) && holds(second, at), "{first:?} {second:?} {at:?}");
                }
            }
        }
    }

    #[test]
    fn a_search_without_steps_says_so() {
        let mut state = State::new(vec![Bits::all(3); 2]);
        let demand = Demand::any([among(0, &[1]), among(1, &[1])]);
        assert_eq!(state.add(&demand, &Steps::new(1)), Err(TooLarge));
    }
}
