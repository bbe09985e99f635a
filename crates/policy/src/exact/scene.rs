//! From classes back to a call: the arguments, the grant and the moment that a choice of classes stands
//! for. What is made here is only ever shown once the real decision has confirmed it.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use json::{Object, Value};

use crate::budget::Budget;
use crate::compare;
use crate::decision::{GrantFacts, ToolCall};
use crate::path::Step;
use crate::truth::Truth;
use crate::values::Found;

use super::atoms::Atom;
use super::bits::Bits;
use super::classes::Kind;
use super::space::{Role, Space};
use super::test::only;

/// The moment of a call where nothing is asked of it, a Thursday: `2026-01-01T12:00:00Z`.
pub(crate) const NOON: i64 = 1_767_268_800;

/// The most ways of picking values that are tried for one choice of classes.
const PICKS_MAX: usize = 1_000;

/// A call and the world around it.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) call: ToolCall,
    pub(crate) grant: GrantFacts,
    pub(crate) now: Timestamp,
}

/// What a scene needs to know beside the classes.
pub(crate) struct Stage<'a> {
    pub(crate) tool: &'a str,
    /// The arguments that the accepted definition lists.
    pub(crate) listed: &'a [String],
}

/// The plainest class of each domain.
pub(crate) fn choose(space: &Space<'_>, domains: &[Bits]) -> Vec<usize> {
    let pick = |(domain, variable): (&Bits, &super::space::Variable<'_>)| {
        let open = domain.count() == domain.bound();
        // What a place is asked for says what it usually holds.
        let of =
            |is: fn(&Kind) -> bool| variable.classes.iter().filter(|class| is(&class.kind)).count();
        let numbers = of(|kind| matches!(kind, Kind::Number(_)));
        let texts = of(|kind| *kind == Kind::Text);
        let plain = |class: &usize| {
            let class = variable.classes.get(*class);
            let long = class.is_some_and(|class| match class.values.first() {
                Some(Some(Value::String(text))) => text.len() > 200,
                _ => false,
            });
            if long {
                return 5;
            }
            match class.map(|class| &class.kind) {
                // What nobody asks about is best left out.
                Some(Kind::Missing) if open => 0,
                Some(Kind::Number(_)) => 1 + usize::from(texts > numbers),
                Some(Kind::Text) => 1 + usize::from(numbers > texts),
                Some(Kind::Choice) => 1,
                Some(Kind::List | Kind::Object | Kind::Bool) => 3,
                Some(Kind::Missing) => 4,
                Some(Kind::Null) => 5,
                _ => 6,
            }
        };
        domain.iter().min_by_key(plain).unwrap_or(0)
    };
    domains.iter().zip(&space.variables).map(pick).collect()
}

/// Scenes for a choice of classes, the plainest first; none where no values were found.
pub(crate) fn scenes(space: &Space<'_>, chosen: &[usize], stage: &Stage<'_>) -> Vec<Scene> {
    let values = |number: usize| -> Vec<Option<Value>> {
        let class = chosen.get(number);
        let variable = space.variables.get(number);
        let class = class.and_then(|class| variable?.classes.get(*class));
        class.map(|class| class.values.clone()).unwrap_or_default()
    };
    let mut options: Vec<Vec<Option<Value>>> = (0..space.variables.len()).map(values).collect();
    let related = related(space);
    for (left, right, _, _) in &related {
        lend(space, chosen, &mut options, *left, *right);
        lend(space, chosen, &mut options, *right, *left);
    }
    let mut open: Vec<usize> = related.iter().flat_map(|(a, b, _, _)| [*a, *b]).collect();
    open.sort_unstable();
    open.dedup();
    let mut found = Vec::new();
    for number in 0..PICKS_MAX {
        let Some(picked) = pick(&options, &open, number) else { break };
        let holds = related.iter().all(|(left, right, choice, atom)| {
            let Some(Atom::Beside { comparison, .. }) = space.atoms.list.get(*atom) else {
                return true;
            };
            let at = |number: usize| {
                picked.get(number).and_then(Option::as_ref).map_or(Found::Missing, Found::of)
            };
            let truth = match compare::beside(at(*left), at(*right), comparison, &Budget::new()) {
                Ok(holds) => holds.into(),
                Err(_) => Truth::Indeterminate,
            };
            let Some(variable) = space.variables.get(*choice) else { return true };
            let place = variable.order.iter().position(|number| number == atom);
            let wanted = chosen.get(*choice).and_then(|class| variable.classes.get(*class));
            let wanted = wanted.and_then(|class| class.truths.get(place?));
            wanted.is_some_and(|wanted| wanted & only(truth) != 0)
        });
        if holds {
            found.extend(worlds(space, &picked, chosen, stage));
            break;
        }
    }
    found
}

/// The comparisons of two places that have variables: both, the choice, the question.
fn related(space: &Space<'_>) -> Vec<(usize, usize, usize, usize)> {
    let mut related = Vec::new();
    for (number, atom) in space.atoms.list.iter().enumerate() {
        let Atom::Beside { at, other, .. } = atom else { continue };
        let choice = space.variables.iter().position(|variable| {
            matches!(variable.role, Role::Choice(_)) && variable.order.contains(&number)
        });
        if let (Some(left), Some(right), Some(choice)) =
            (space.variable_at(at), space.variable_at(other), choice)
        {
            related.push((left, right, choice, number));
        }
    }
    related
}

/// Offers the values of one place at the other, and texts made of both, as far as they are of its class.
fn lend(
    space: &Space<'_>,
    chosen: &[usize],
    options: &mut [Vec<Option<Value>>],
    from: usize,
    to: usize,
) {
    let Some(variable) = space.variables.get(to) else { return };
    let class = chosen.get(to).and_then(|class| variable.classes.get(*class));
    let Some(class) = class.filter(|class| !class.point) else { return };
    let theirs: Vec<Option<Value>> = options.get(from).cloned().unwrap_or_default();
    let Some(ours) = options.get_mut(to) else { return };
    let mut lent = theirs.clone();
    for (a, b) in theirs.iter().zip(ours.iter()) {
        if let (Some(Value::String(a)), Some(Value::String(b))) = (a, b) {
            lent.extend([format!("{a}{b}"), format!("{b}{a}")].map(|text| Some(text.into())));
        }
    }
    for value in lent {
        let found = value.as_ref().map_or(Found::Missing, Found::of);
        let fits = variable
            .tests
            .iter()
            .zip(&class.truths)
            .all(|(test, truth)| only(test.truth(found)) == *truth);
        let same_kind = class.kind == Kind::Text && matches!(found, Found::Text(_))
            || matches!(class.kind, Kind::Number(_)) && matches!(found, Found::Number(_));
        if fits && same_kind && !ours.contains(&value) && ours.len() < 8 {
            ours.push(value);
        }
    }
}

/// The so-manieth way of picking; only places in `open` have more than one.
fn pick(
    options: &[Vec<Option<Value>>],
    open: &[usize],
    mut number: usize,
) -> Option<Vec<Option<Value>>> {
    let mut picked: Vec<Option<Value>> = Vec::with_capacity(options.len());
    for (at, values) in options.iter().enumerate() {
        let index = if open.contains(&at) {
            let index = number % values.len().max(1);
            number /= values.len().max(1);
            index
        } else {
            0
        };
        picked.push(values.get(index)?.clone());
    }
    (number == 0).then_some(picked)
}

/// The scene at each moment that shows the days and hours of the classes.
fn worlds(
    space: &Space<'_>,
    picked: &[Option<Value>],
    chosen: &[usize],
    stage: &Stage<'_>,
) -> Vec<Scene> {
    let Some(scene) = scene(space, picked, chosen, stage) else { return Vec::new() };
    let texts = |wanted: &Role| -> Option<Vec<String>> {
        let at = space.variables.iter().position(|variable| variable.role == *wanted)?;
        let class = space.variables.get(at)?.classes.get(*chosen.get(at)?)?;
        let values = class.values.iter().flatten();
        Some(values.filter_map(Value::as_str).map(str::to_owned).collect())
    };
    let mut moments = Vec::new();
    for (number, zone) in space.atoms.zones.iter().enumerate() {
        let (days, times) = (texts(&Role::Day(number)), texts(&Role::Time(number)));
        if days.is_none() && times.is_none() {
            continue;
        }
        for day in days.unwrap_or_else(|| vec!["2026-01-01".to_owned(), "2026-07-01".to_owned()]) {
            for time in times.clone().unwrap_or_else(|| vec!["12:00".to_owned()]) {
                moments.extend(moment(zone, &day, &time));
            }
        }
    }
    if moments.is_empty() {
        return vec![scene];
    }
    moments.into_iter().map(|now| Scene { now, ..scene.clone() }).collect()
}

fn scene(
    space: &Space<'_>,
    picked: &[Option<Value>],
    chosen: &[usize],
    stage: &Stage<'_>,
) -> Option<Scene> {
    let mut arguments = Object::new();
    let mut grant = GrantFacts::default();
    let mut tool = stage.tool.to_owned();
    let mut extra = false;
    for (at, (variable, value)) in space.variables.iter().zip(picked).enumerate() {
        let text = || value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        match &variable.role {
            Role::Arg(steps) => {
                if let Some(value) = value {
                    put(&mut arguments, steps, value.clone());
                }
            }
            Role::Tool => tool = text(),
            Role::Label => grant.label = text(),
            Role::Identity => grant.identity = text(),
            Role::Tag(key) => {
                if value.is_some() {
                    grant.tags.push((key.clone(), text()));
                }
            }
            Role::Extra => extra = chosen.get(at) == Some(&1),
            Role::Day(_) | Role::Time(_) | Role::Choice(_) => {}
        }
    }
    if extra {
        let known =
            |name: &str| stage.listed.iter().any(|listed| json::fold(listed) == json::fold(name));
        let free = (0..).map(|n| match n {
            0 => "unlisted".to_owned(),
            n => format!("unlisted{n}"),
        });
        let name = free.take(100).find(|name| !known(name))?;
        arguments.insert(name, true);
    }
    let now = Timestamp::from_second(NOON).ok()?;
    Some(Scene { call: ToolCall { tool, arguments: Some(arguments) }, grant, now })
}

/// Puts a value where the steps lead; its object has been put before.
fn put(object: &mut Object, steps: &[Step], value: Value) {
    match steps {
        [] => {
            if let Value::Object(whole) = value
                && object.is_empty()
            {
                *object = whole;
            }
        }
        [Step::Member(name)] => object.insert(name.as_str(), value),
        [Step::Member(name), rest @ ..] => {
            if let Some(Value::Object(inner)) = object.get_mut(name) {
                put(inner, rest, value);
            }
        }
        _ => {}
    }
}

/// A moment that shows this day and hour on the clocks of the zone.
fn moment(zone: &TimeZone, day: &str, time: &str) -> Option<Timestamp> {
    let (hour, minute) = time.split_once(':')?;
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    let local = DateTime::from_parts(day.parse().ok()?, time);
    zone.to_ambiguous_timestamp(local).compatible().ok()
}
