//! All the calls that two policies could be asked about one tool, as variables with classes of values.
//!
//! A place in the arguments is a variable; so is the grant's label, the day, the hour, and whether there is
//! an argument that nobody listed. What ties variables together (a member needs its object) are demands.
//! Two places that are compared with each other share their tests, and a variable of its own says how
//! the comparison comes out.

use std::collections::{BTreeSet, HashMap};

use json::Value;

use crate::path::Step;
use crate::program::Comparison;
use crate::truth::Truth;
use crate::values::Found;

use super::atoms::{Atom, Atoms, Formula, Root, Truth3, Where, shown};
use super::bits::Bits;
use super::classes::{self, Class, Classes, Domain, Kind};
use super::clocks;
use super::places::Place;
use super::relation;
use super::solve::{Demand, Steps, TooLarge};
use super::test::{ANY, Test, Truths, only};

/// What a formula is wanted to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Want {
    True,
    NotTrue,
    False,
    NotFalse,
}

impl Want {
    fn mask(self) -> Truths {
        match self {
            Self::True => 4,
            Self::NotTrue => 3,
            Self::False => 1,
            Self::NotFalse => 6,
        }
    }

    fn turned(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::NotTrue => Self::NotFalse,
            Self::NotFalse => Self::NotTrue,
        }
    }

    /// Whether all parts of an `all` must be so (otherwise one must).
    fn of_all(self) -> bool {
        matches!(self, Self::True | Self::NotFalse)
    }

    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::True => Self::NotTrue,
            Self::NotTrue => Self::True,
            Self::False => Self::NotFalse,
            Self::NotFalse => Self::False,
        }
    }
}

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// What stands at these steps into the arguments.
    Arg(Vec<Step>),
    Tool,
    Label,
    Identity,
    Tag(String),
    /// A day on the clocks of the zone of that number, and the hour.
    Day(usize),
    Time(usize),
    /// Whether there is an argument that is not listed: no, yes.
    Extra,
    /// How a question comes out that is not about one place: false, indeterminate, true.
    Choice(usize),
}

/// One variable.
#[derive(Debug)]
pub(crate) struct Variable<'p> {
    pub(crate) role: Role,
    pub(crate) classes: Vec<Class>,
    /// The tests that its classes answer, for places of one value.
    pub(crate) tests: Vec<Test<'p>>,
    /// The numbers of the questions that its classes answer, in their order.
    pub(crate) order: Vec<usize>,
    /// Why there may be values of other classes.
    pub(crate) gap: Option<&'static str>,
}

/// All calls, as variables.
pub(crate) struct Space<'p> {
    pub(crate) atoms: Atoms<'p>,
    pub(crate) variables: Vec<Variable<'p>>,
    /// For each question, the variable that answers it and at which place of its classes.
    answers: Vec<Option<(usize, usize)>>,
    /// What ties variables together.
    pub(crate) ties: Vec<Demand>,
    /// The top-level arguments that conditions name.
    pub(crate) named: BTreeSet<String>,
    demands: HashMap<(usize, Want), Demand>,
    /// What making the classes cost, in steps.
    work: usize,
}

impl<'p> Space<'p> {
    /// The space of the questions.
    ///
    /// - **Errors**: when making it cost more steps than are left; each single place is bounded in itself.
    pub(crate) fn new(atoms: Atoms<'p>, steps: &Steps) -> Result<Self, TooLarge> {
        // Nothing is begun when nothing is left.
        steps.take(1)?;
        let count = atoms.list.len();
        let mut space = Self {
            atoms,
            variables: Vec::new(),
            answers: vec![None; count],
            ties: Vec::new(),
            named: BTreeSet::new(),
            demands: HashMap::new(),
            work: 0,
        };
        let shared = space.shared();
        space.arguments(&shared);
        space.surroundings(&shared);
        space.choices();
        space.relations(&shared);
        steps.take(space.work)?;
        Ok(space)
    }

    /// The tests that places share because they are compared with each other, by place.
    fn shared(&self) -> HashMap<Where, Vec<Test<'p>>> {
        let mut groups: Vec<Vec<Where>> = Vec::new();
        for atom in &self.atoms.list {
            let Atom::Beside { at, other, .. } = atom else { continue };
            let mut group = vec![at.clone(), other.clone()];
            let (joined, rest): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|known| known.iter().any(|w| group.contains(w)));
            group.extend(joined.into_iter().flatten());
            group.dedup();
            groups = rest;
            groups.push(group);
        }
        let mut shared = HashMap::new();
        for group in groups {
            let mut tests: Vec<Test<'p>> = Vec::new();
            for atom in &self.atoms.list {
                if let Atom::Value { at, test, .. } = atom
                    && group.contains(at)
                {
                    tests.push(test.clone());
                }
            }
            if group.iter().any(|at| at.root == Root::Tool)
                && let Some(tool) = &self.atoms.tool
            {
                tests.push(Test::Is(crate::program::Constant::Text(tool.as_str().into())));
            }
            for at in group {
                shared.insert(at, tests.clone());
            }
        }
        shared
    }

    fn arguments(&mut self, shared: &HashMap<Where, Vec<Test<'p>>>) {
        let mut root = Place::default();
        for (number, atom) in self.atoms.list.iter().enumerate() {
            match atom {
                Atom::Value { at, test, every, .. } if at.root == Root::Args => {
                    root.at(&at.steps).asked.push((number, test.clone(), *every));
                }
                Atom::Beside { at, other, .. } => {
                    for place in [at, other].into_iter().filter(|at| at.root == Root::Args) {
                        root.at(&place.steps);
                    }
                }
                Atom::Present(name) => {
                    root.at(&[Step::Member(name.clone())]);
                }
                _ => {}
            }
        }
        let mut borrowed = self.atoms.list.len();
        for (at, tests) in shared.iter().filter(|(at, _)| at.root == Root::Args && !at.is_wild()) {
            let place = root.at(&at.steps);
            for test in tests {
                place.asked.push((borrowed, test.clone(), false));
                borrowed += 1;
            }
        }
        self.named = root.members.iter().map(|(name, _)| name.clone()).collect();
        if root.is_whole() {
            let mut classes = root.whole(Domain::Element);
            classes.list.retain(|class| class.kind == Kind::Object);
            classes.gap = Some("the number of arguments is asked about");
            self.variable(Role::Arg(Vec::new()), root.order(), classes);
            return;
        }
        if !root.asked.is_empty() {
            let mut classes = classes::of(&root.tests(), Domain::Element);
            classes.list.retain(|class| class.kind == Kind::Object);
            self.variable(Role::Arg(Vec::new()), own(&root), classes);
        }
        self.members(&root, &[], None);
    }

    /// The variables of the members of a place, and of theirs.
    fn members(&mut self, place: &Place<'p>, steps: &[Step], parent: Option<usize>) {
        let mut made: Vec<(String, usize)> = Vec::new();
        for (name, child) in &place.members {
            let steps = [steps, &[Step::Member(name.clone())]].concat();
            let whole = child.is_whole();
            let (order, classes) = match whole {
                true => (child.order(), child.whole(Domain::Any)),
                false => (own(child), classes::of(&child.tests(), Domain::Any)),
            };
            let number = self.variable(Role::Arg(steps.clone()), order, classes);
            if !whole {
                self.asks(number, child.tests());
            }
            let missing = self.of_kind(number, |kind| *kind == Kind::Missing);
            if let Some(parent) = parent {
                let object = self.of_kind(parent, |kind| *kind == Kind::Object);
                self.ties.push(Demand::any([
                    Demand::among(number, missing.clone()),
                    Demand::among(parent, object),
                ]));
            }
            // Two names that a careless reader takes for one never stand in one call.
            for (other, known) in &made {
                if json::fold(other) == json::fold(name) {
                    let away = self.of_kind(*known, |kind| *kind == Kind::Missing);
                    self.ties.push(Demand::any([
                        Demand::among(number, missing.clone()),
                        Demand::among(*known, away),
                    ]));
                }
            }
            made.push((name.clone(), number));
            if !whole {
                self.members(child, &steps, Some(number));
            }
        }
    }

    fn surroundings(&mut self, shared: &HashMap<Where, Vec<Test<'p>>>) {
        let mut places: Vec<Where> = Vec::new();
        for atom in &self.atoms.list {
            match atom {
                Atom::Value { at, .. } => places.push(at.clone()),
                Atom::Beside { at, other, .. } => places.extend([at.clone(), other.clone()]),
                _ => {}
            }
        }
        let mut made: Vec<Role> = Vec::new();
        for at in places {
            let role = match &at.root {
                Root::Args => continue,
                Root::Tool => Role::Tool,
                Root::Label => Role::Label,
                Root::Identity => Role::Identity,
                Root::Tag(key) => Role::Tag(key.clone()),
                Root::Date(zone) | Root::Weekday(zone) => Role::Day(*zone),
                Root::Time(zone) => Role::Time(*zone),
            };
            if made.contains(&role) {
                continue;
            }
            made.push(role.clone());
            let (mut order, mut tests) = (Vec::new(), Vec::new());
            for (number, atom) in self.atoms.list.iter().enumerate() {
                let Atom::Value { at: known, test, .. } = atom else { continue };
                let same = match (&known.root, &role) {
                    (Root::Date(zone) | Root::Weekday(zone), Role::Day(day)) => zone == day,
                    _ => *known == at,
                };
                if same {
                    order.push(number);
                    tests.push((matches!(known.root, Root::Weekday(_)), test.clone()));
                }
            }
            let only_tests = || tests.iter().map(|(_, test)| test.clone()).collect::<Vec<_>>();
            let mut all = only_tests();
            all.extend(shared.get(&at).cloned().unwrap_or_default());
            let classes = match &role {
                Role::Day(_) => clocks::days(&tests),
                Role::Time(_) => clocks::times(&only_tests()),
                Role::Tag(_) => classes::of(&all, Domain::TextOrNone),
                Role::Tool if self.atoms.tool.is_some() => fixed(self.atoms.tool.as_deref(), &all),
                _ => classes::of(&all, Domain::Text),
            };
            let clock = matches!(role, Role::Day(_) | Role::Time(_));
            let number = self.variable(role, order, classes);
            if !clock {
                self.asks(number, all);
            }
        }
    }

    /// Keeps the tests of a variable of one value.
    fn asks(&mut self, number: usize, tests: Vec<Test<'p>>) {
        if let Some(variable) = self.variables.get_mut(number) {
            variable.tests = tests;
        }
    }

    /// Questions that are not about one place.
    fn choices(&mut self) {
        for number in 0..self.atoms.list.len() {
            let Some(atom) = self.atoms.list.get(number) else { continue };
            let choice = |truth: Truth| Class {
                kind: Kind::Choice,
                truths: vec![only(truth)],
                values: vec![None],
                point: true,
            };
            let (role, list) = match atom {
                Atom::Value { .. } => continue,
                Atom::Present(name) => {
                    let role = Role::Arg(vec![Step::Member(name.clone())]);
                    self.present(number, &role);
                    continue;
                }
                Atom::Extra => (Role::Extra, vec![choice(Truth::False), choice(Truth::True)]),
                Atom::Sum { .. } => {
                    (Role::Choice(number), vec![choice(Truth::True), choice(Truth::False)])
                }
                Atom::Beside { at, other, .. } => {
                    if self.variable_at(at).is_some() && self.variable_at(other).is_some() {
                        // Its variable is made together with the classes of both places.
                        continue;
                    }
                    let all = [Truth::False, Truth::Indeterminate, Truth::True];
                    (Role::Choice(number), all.map(choice).to_vec())
                }
            };
            self.variable(role, vec![number], Classes { list, gap: None, work: 0 });
        }
    }

    /// Lets the classes of an argument say whether it is there.
    fn present(&mut self, number: usize, role: &Role) {
        let found = self.variables.iter().position(|variable| variable.role == *role);
        let Some(at) = found else { return };
        let Some(variable) = self.variables.get_mut(at) else { return };
        let place = variable.order.len();
        variable.order.push(number);
        for class in &mut variable.classes {
            class.truths.truncate(place);
            class.truths.push(match class.kind {
                Kind::Ghost => ANY,
                Kind::Missing => only(Truth::False),
                _ => only(Truth::True),
            });
        }
        if let Some(answer) = self.answers.get_mut(number) {
            *answer = Some((at, place));
        }
    }

    fn variable(&mut self, role: Role, order: Vec<usize>, classes: Classes) -> usize {
        let number = self.variables.len();
        let gap = classes.gap;
        self.work += classes.work + classes.list.len() * (order.len() + 1);
        let most = classes.list.iter().map(|class| class.truths.len()).max();
        let classes = classes.closed(most.unwrap_or(order.len()).max(order.len())).list;
        for (place, question) in order.iter().enumerate() {
            if let Some(answer) = self.answers.get_mut(*question) {
                *answer = Some((number, place));
            }
        }
        self.variables.push(Variable { role, classes, tests: Vec::new(), order, gap });
        number
    }

    /// The classes of those kinds; ghosts are of every kind.
    pub(crate) fn of_kind(&self, number: usize, is: impl Fn(&Kind) -> bool) -> Bits {
        let classes = self.variables.get(number).map_or(&[][..], |variable| &variable.classes);
        Bits::of(classes.len(), |at| {
            classes.get(at).is_some_and(|class| class.is_ghost() || is(&class.kind))
        })
    }

    /// The variable at a place, if the place has one of its own.
    pub(crate) fn variable_at(&self, at: &Where) -> Option<usize> {
        let role = match &at.root {
            Root::Args => Role::Arg(at.steps.clone()),
            Root::Tool => Role::Tool,
            Root::Label => Role::Label,
            Root::Identity => Role::Identity,
            Root::Tag(key) => Role::Tag(key.clone()),
            Root::Date(_) | Root::Weekday(_) | Root::Time(_) => return None,
        };
        self.variables.iter().position(|variable| variable.role == role)
    }

    /// The comparisons of two places that have variables of their own, by pair.
    fn pairs(&self) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = Vec::new();
        for (number, atom) in self.atoms.list.iter().enumerate() {
            let Atom::Beside { at, other, .. } = atom else { continue };
            let (Some(left), Some(right)) = (self.variable_at(at), self.variable_at(other)) else {
                continue;
            };
            let turned = left > right;
            let (left, right) = if turned { (right, left) } else { (left, right) };
            let known = pairs.iter_mut().find(|pair| (pair.left, pair.right) == (left, right));
            match known {
                Some(pair) if pair.asked.len() < PAIRED_MAX => pair.asked.push((number, turned)),
                _ => pairs.push(Pair { left, right, asked: vec![(number, turned)] }),
            }
        }
        pairs
    }

    /// What comparisons of two places come to together, given the classes of both.
    fn relations(&mut self, shared: &HashMap<Where, Vec<Test<'p>>>) {
        let asked = self.atoms.list.len();
        for pair in self.pairs() {
            let (Some(a), Some(b)) =
                (self.variables.get(pair.left), self.variables.get(pair.right))
            else {
                continue;
            };
            let comparisons: Vec<(&Comparison, bool)> = pair
                .asked
                .iter()
                .filter_map(|(number, turned)| match self.atoms.list.get(*number) {
                    Some(Atom::Beside { comparison, .. }) => Some((*comparison, *turned)),
                    _ => None,
                })
                .collect();
            // What both places were asked alike, in the same order, says whether two classes are one.
            let count = match self.atoms.list.get(pair.asked.first().map_or(0, |(n, _)| *n)) {
                Some(Atom::Beside { at, .. }) => shared.get(at).map_or(0, Vec::len),
                _ => 0,
            };
            let tail = |variable: &Variable<'p>, class: &Class| -> Vec<Truths> {
                let own = variable.order.iter().take_while(|number| **number < asked).count();
                class.truths.iter().skip(own).take(count).copied().collect()
            };
            let tails: Vec<Vec<Truths>> = b.classes.iter().map(|class| tail(b, class)).collect();
            let mut ways: Vec<Vec<Truths>> = Vec::new();
            let mut ties: Vec<(usize, Vec<usize>, Bits)> = Vec::new();
            for (index, class) in a.classes.iter().enumerate() {
                let here = tail(a, class);
                let mut by_ways: HashMap<Vec<usize>, Bits> = HashMap::new();
                for (place, (partner, there)) in b.classes.iter().zip(&tails).enumerate() {
                    let one = here == *there;
                    let mut open: Vec<usize> = Vec::new();
                    for way in
                        relation::ways(class, partner, &comparisons, (one, pair.left == pair.right))
                    {
                        let known = ways.iter().position(|known| *known == way);
                        open.push(known.unwrap_or_else(|| {
                            ways.push(way);
                            ways.len() - 1
                        }));
                    }
                    open.sort_unstable();
                    let places = by_ways.entry(open).or_insert_with(|| Bits::none(b.classes.len()));
                    places.insert(place);
                }
                ties.extend(by_ways.into_iter().map(|(open, places)| (index, open, places)));
            }
            let (left, right, here) = (pair.left, pair.right, a.classes.len());
            self.work += 40 * a.classes.len() * b.classes.len() * pair.asked.len();
            let list: Vec<Class> = ways
                .into_iter()
                .map(|truths| Class { kind: Kind::Choice, truths, values: vec![None], point: true })
                .collect();
            let bound = list.len();
            let order: Vec<usize> = pair.asked.iter().map(|(number, _)| *number).collect();
            let first = order.first().copied().unwrap_or(0);
            let choice =
                self.variable(Role::Choice(first), order, Classes { list, gap: None, work: 0 });
            for (index, open, places) in ties {
                let this = Bits::of(here, |at| at == index);
                self.ties.push(Demand::any([
                    Demand::among(left, this.not()),
                    Demand::among(right, places.not()),
                    Demand::among(choice, Bits::of(bound, |way| open.contains(&way))),
                ]));
            }
        }
    }

    /// The demand that the formula be so.
    pub(crate) fn demand(&mut self, formula: &Formula, want: Want) -> Demand {
        match formula {
            Formula::Known(Truth3(truth)) => match truth & want.mask() {
                0 => Demand::Never,
                _ => Demand::Always,
            },
            Formula::Atom(number) => self.atom(*number, want),
            Formula::Not(inner) => self.demand(inner, want.turned()),
            Formula::All(list) | Formula::Any(list) => {
                let parts: Vec<Demand> = list.iter().map(|part| self.demand(part, want)).collect();
                match matches!(formula, Formula::All(_)) == want.of_all() {
                    true => Demand::all(parts),
                    false => Demand::any(parts),
                }
            }
        }
    }

    fn atom(&mut self, number: usize, want: Want) -> Demand {
        if let Some(known) = self.demands.get(&(number, want)) {
            return known.clone();
        }
        let answer = self.answers.get(number).copied().flatten();
        let demand = match answer.and_then(|(at, place)| Some((at, place, self.variables.get(at)?)))
        {
            Some((at, place, variable)) => {
                let classes = &variable.classes;
                let holds = |index: usize| {
                    let truths = classes.get(index).and_then(|class| class.truths.get(place));
                    truths.is_some_and(|truths| truths & want.mask() != 0)
                };
                Demand::among(at, Bits::of(classes.len(), holds))
            }
            None => Demand::Always,
        };
        self.demands.insert((number, want), demand.clone());
        demand
    }

    /// Why something may not be known: the gaps of the variables, and what is not about one place.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for variable in &self.variables {
            if let Some(gap) = variable.gap {
                gaps.push(format!("`{}`: {gap}", self.name(&variable.role)));
            }
        }
        gaps
    }

    /// What a variable is called.
    pub(crate) fn name(&self, role: &Role) -> String {
        let at = |root: Root| shown(&Where { root, steps: Vec::new() });
        match role {
            Role::Arg(steps) => shown(&Where { root: Root::Args, steps: steps.clone() }),
            Role::Tool => at(Root::Tool),
            Role::Label => at(Root::Label),
            Role::Identity => at(Root::Identity),
            Role::Tag(key) => at(Root::Tag(key.clone())),
            Role::Day(_) => "the day".to_owned(),
            Role::Time(_) => at(Root::Time(0)),
            Role::Extra => "an argument that is not listed".to_owned(),
            Role::Choice(number) => match self.atoms.list.get(*number) {
                Some(Atom::Beside { text, .. } | Atom::Sum { text }) => text.clone(),
                _ => String::new(),
            },
        }
    }
}

/// The most comparisons of one pair of places that are looked at together.
const PAIRED_MAX: usize = 6;

/// Two places and the comparisons between them; the flag is set where the right one comes first.
struct Pair {
    left: usize,
    right: usize,
    asked: Vec<(usize, bool)>,
}

fn own(place: &Place<'_>) -> Vec<usize> {
    place.asked.iter().map(|(number, _, _)| *number).collect()
}

/// The one class of a tool whose name is known.
fn fixed(tool: Option<&str>, tests: &[Test<'_>]) -> Classes {
    let name = tool.unwrap_or_default();
    let truths = tests.iter().map(|test| only(test.truth(Found::Text(name)))).collect();
    let values = vec![Some(Value::from(name))];
    let list = vec![Class { kind: Kind::Text, truths, values, point: true }];
    Classes { list, gap: None, work: 0 }
}
