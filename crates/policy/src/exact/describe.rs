//! Classes in words: the smallest readable description of the calls that a box of classes holds.

use json::{Decimal, Value};

use super::atoms::{Atom, shown};
use super::bits::Bits;
use super::classes::{Class, Kind};
use super::solve::{Demand, State, Status, Steps, TooLarge};
use super::space::{Role, Space, Variable};
use super::words;

/// The most boxes that one description joins.
const BOXES_MAX: usize = 3;

/// The most answers of which every pair is tried for a description.
const PAIRED_MAX: usize = 60;

/// The most constants that are listed.
const LISTED_MAX: usize = 8;

/// The calls of a state, in words: `essential` is what tells them from calls that do not change. What
/// every call has to pass anyway is not repeated.
pub(crate) fn calls(
    space: &Space<'_>,
    state: &State,
    essential: &[Demand],
    steps: &Steps,
) -> Result<String, TooLarge> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = state.clone();
    for _ in 0..=BOXES_MAX {
        let Some(found) = rest.clone().solve(steps)? else { break };
        if parts.len() == BOXES_MAX {
            parts.push("other calls".to_owned());
            break;
        }
        let chosen = super::scene::choose(space, &found.domains);
        let sets = widened(space, &chosen, essential, steps)?;
        let part = self::part(space, &sets);
        if part.is_empty() {
            return Ok("every call".to_owned());
        }
        if !parts.contains(&part) {
            parts.push(part);
        }
        let outside = sets.iter().enumerate().map(|(at, set)| Demand::among(at, set.not()));
        if !rest.add(&Demand::any(outside), steps)? {
            break;
        }
    }
    Ok(parts.join("; or "))
}

/// The largest box around a choice in which the essential demands are met throughout.
fn widened(
    space: &Space<'_>,
    chosen: &[usize],
    essential: &[Demand],
    steps: &Steps,
) -> Result<Vec<Bits>, TooLarge> {
    let mut sets: Vec<Bits> = space
        .variables
        .iter()
        .zip(chosen)
        .map(|(variable, class)| Bits::of(variable.classes.len(), |at| at == *class))
        .collect();
    let met = |sets: &[Bits]| -> Result<bool, TooLarge> {
        for demand in essential {
            if demand.status(sets, steps)? != Status::Met {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let mut bound = vec![false; sets.len()];
    essential.iter().for_each(|demand| {
        demand.variables(&mut |at| {
            if let Some(mark) = bound.get_mut(at) {
                *mark = true;
            }
        });
    });
    // What the demands do not speak of is free; of the others, those far from the arguments first.
    let mut order: Vec<usize> = (0..sets.len()).collect();
    let far = |at: &usize| match space.variables.get(*at).map(|variable| &variable.role) {
        Some(Role::Arg(_)) => 1,
        _ => 0,
    };
    order.sort_by_key(far);
    for at in order.iter().copied() {
        let free = !bound.get(at).copied().unwrap_or(false);
        let Some(count) = sets.get(at).map(Bits::bound) else { continue };
        let Some(before) = sets.get(at).cloned() else { continue };
        replace(&mut sets, at, Bits::all(count));
        if !free && !met(&sets)? {
            replace(&mut sets, at, before);
        }
    }
    for at in order {
        let Some(set) = sets.get(at).cloned() else { continue };
        if set.count() == set.bound() {
            continue;
        }
        for class in 0..set.bound() {
            let Some(mut wider) = sets.get(at).cloned() else { continue };
            if wider.contains(class) {
                continue;
            }
            let before = wider.clone();
            wider.insert(class);
            replace(&mut sets, at, wider);
            if !met(&sets)? {
                replace(&mut sets, at, before);
            }
        }
    }
    Ok(sets)
}

fn replace(sets: &mut [Bits], at: usize, set: Bits) {
    if let Some(place) = sets.get_mut(at) {
        *place = set;
    }
}

/// One box in words; empty when it holds every call.
fn part(space: &Space<'_>, sets: &[Bits]) -> String {
    let mut parts = Vec::new();
    for (variable, set) in space.variables.iter().zip(sets) {
        let real = variable.classes.iter().enumerate().filter(|(_, class)| !class.is_ghost());
        if real.clone().all(|(at, _)| set.contains(at)) {
            continue;
        }
        parts.push(self::variable(space, variable, set));
    }
    if parts.len() > 1 {
        for part in &mut parts {
            if part.contains(" or ") && !part.starts_with("with ") {
                *part = format!("({part})");
            }
        }
    }
    parts.join(" and ")
}

/// The classes of one variable in words.
fn variable(space: &Space<'_>, variable: &Variable, set: &Bits) -> String {
    let name = space.name(&variable.role);
    match &variable.role {
        Role::Extra if set.contains(1) => "with an argument that is not listed".to_owned(),
        Role::Extra => "with listed arguments only".to_owned(),
        Role::Arg(_) if !is_plain(space, variable) => whole(space, variable, set),
        Role::Day(_) | Role::Time(_) | Role::Tool | Role::Choice(_) => whole(space, variable, set),
        _ => by_kind(space, variable, set, &name),
    }
}

/// Whether every question is about the very place of the variable.
fn is_plain(space: &Space<'_>, variable: &Variable) -> bool {
    let Role::Arg(steps) = &variable.role else { return true };
    variable.order.iter().all(|number| match space.atoms.list.get(*number) {
        Some(Atom::Value { at, .. }) => at.steps == *steps,
        _ => true,
    })
}

/// A set of classes as what one or two questions say.
fn whole(space: &Space<'_>, variable: &Variable, set: &Bits) -> String {
    let all = |_: &Class| true;
    literal(space, variable, set, &all)
        .unwrap_or_else(|| format!("{} is as in the example", space.name(&variable.role)))
}

/// The set as one answer of one question, or two together, among the classes that `among` admits.
fn literal(
    space: &Space<'_>,
    variable: &Variable,
    set: &Bits,
    among: &dyn Fn(&Class) -> bool,
) -> Option<String> {
    let members = Bits::of(variable.classes.len(), |at| {
        variable.classes.get(at).is_some_and(|class| !class.is_ghost() && among(class))
    });
    let wanted = members.and(set);
    let mut literals: Vec<(Bits, String)> = Vec::new();
    for (place, number) in variable.order.iter().enumerate() {
        let Some(atom) = space.atoms.list.get(*number) else { continue };
        for mask in [4_u8, 1, 6, 3, 2] {
            let holds = Bits::of(variable.classes.len(), |at| {
                let truths = variable.classes.get(at).and_then(|class| class.truths.get(place));
                members.contains(at) && truths.is_some_and(|truths| truths & mask != 0)
            });
            literals.push((holds, said(atom, mask)));
        }
    }
    if let Some((_, text)) = literals.iter().find(|(holds, _)| *holds == wanted) {
        return Some(text.clone());
    }
    literals.truncate(PAIRED_MAX);
    for (index, (first, text)) in literals.iter().enumerate() {
        for (second, other) in literals.iter().skip(index + 1) {
            if first.and(second) == wanted {
                return Some(format!("{text} and {other}"));
            }
            if first.or(second) == wanted {
                return Some(format!("{text} or {other}"));
            }
        }
    }
    None
}

/// What a set of answers to a question means.
fn said(atom: &Atom<'_>, mask: u8) -> String {
    match atom {
        Atom::Value { at, test, every } => {
            words::answer(&shown(at), test, at.is_wild().then_some(*every), mask)
        }
        Atom::Beside { at, other, comparison, .. } => {
            let (left, right) = (shown(at), shown(other));
            let text = |positive| words::beside(&left, comparison.op, &right, positive);
            match mask {
                4 => text(true),
                1 => text(false),
                6 => format!("{} (or that cannot be judged)", text(true)),
                3 => format!("{} (or that cannot be judged)", text(false)),
                _ => format!("{left} and {right} cannot be compared"),
            }
        }
        Atom::Sum { text } if mask & 4 != 0 => format!("{text} fits the limit"),
        Atom::Sum { text } => format!("{text} is over the limit"),
        Atom::Extra | Atom::Present(_) => String::new(),
    }
}

/// A kind of values: what it is called, and whether a class is of it.
type Named = (&'static str, fn(&Kind) -> bool);

/// The kinds of values, in the order in which they are told.
const KINDS: [Named; 7] = [
    ("a number", |kind| matches!(kind, Kind::Number(_))),
    ("a string", |kind| matches!(kind, Kind::Text)),
    ("true or false", |kind| matches!(kind, Kind::Bool)),
    ("a list", |kind| matches!(kind, Kind::List)),
    ("an object", |kind| matches!(kind, Kind::Object)),
    ("missing", |kind| matches!(kind, Kind::Missing)),
    ("null", |kind| matches!(kind, Kind::Null)),
];

fn by_kind(space: &Space<'_>, variable: &Variable, set: &Bits, name: &str) -> String {
    let (mut parts, mut whole, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, is) in KINDS {
        let of_kind: Vec<(usize, &Class)> =
            variable.classes.iter().enumerate().filter(|(_, class)| is(&class.kind)).collect();
        if of_kind.is_empty() {
            continue;
        }
        let held = of_kind.iter().filter(|(at, _)| set.contains(*at)).count();
        if held == of_kind.len() {
            whole.push(kind);
            continue;
        }
        others.push(kind);
        if held == 0 {
            continue;
        }
        parts.push(match kind {
            "a number" => numbers(&of_kind, set, name),
            "a string" => texts(space, variable, &of_kind, set, name),
            "true or false" => {
                let held = of_kind.iter().find(|(at, _)| set.contains(*at));
                let value = held.and_then(|(_, class)| class.values.first()?.as_ref()?.as_bool());
                format!("{name} = {}", value.unwrap_or_default())
            }
            _ => literal(space, variable, set, &|class| is(&class.kind))
                .unwrap_or_else(|| format!("{name} is {kind} as in the example")),
        });
    }
    parts.extend(kinds(name, &whole, &others));
    let mut told: Vec<String> = Vec::new();
    for part in parts {
        if !told.contains(&part) {
            told.push(part);
        }
    }
    told.join(", or ")
}

/// Whole kinds in words: those that are in, and those that are not.
fn kinds(name: &str, whole: &[&str], others: &[&str]) -> Option<String> {
    if whole.is_empty() {
        return None;
    }
    let missing = whole.contains(&"missing") && whole.contains(&"null");
    Some(if missing && whole.len() == 2 {
        format!("{name} is missing or null")
    } else if missing && whole.len() >= 4 {
        format!("{name} is missing or not {}", listed(others))
    } else if others.iter().all(|kind| matches!(*kind, "missing" | "null")) && whole.len() > 2 {
        format!("{name} is there")
    } else {
        format!("{name} is {}", listed(whole))
    })
}

fn listed<S: AsRef<str>>(list: &[S]) -> String {
    match list {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", rest.join(", "), last.as_ref())
        }
    }
}

type Bound = Option<(Decimal, bool)>;

/// Numbers between two bounds: whether they are in, by how they are written.
type Cell = (Bound, Bound, Vec<(bool, Option<bool>)>);

fn numbers(classes: &[(usize, &Class)], set: &Bits, name: &str) -> String {
    // Neighbours that are in make one interval.
    let mut runs: Vec<(Bound, Bound, Option<bool>)> = Vec::new();
    let mut cells: Vec<Cell> = Vec::new();
    for (at, class) in classes {
        let Kind::Number(span) = &class.kind else { continue };
        let entry = (set.contains(*at), span.integer);
        match cells.last_mut() {
            Some((low, high, ways)) if *low == span.low && *high == span.high => ways.push(entry),
            _ => cells.push((span.low, span.high, vec![entry])),
        }
    }
    let mut last = None;
    for (low, high, ways) in &cells {
        let held: Vec<Option<bool>> =
            ways.iter().filter(|(held, _)| *held).map(|(_, integer)| *integer).collect();
        let state = match held.as_slice() {
            [] => None,
            held if held.len() == ways.len() => Some(None),
            held => held.first().copied(),
        };
        match (state, runs.last_mut()) {
            (Some(integer), Some(run)) if last == Some(integer) => run.1 = *high,
            (Some(integer), _) => runs.push((*low, *high, integer)),
            (None, _) => {}
        }
        last = state;
    }
    // All but one number is told by that number.
    if let [(None, Some((a, _)), None), (Some((b, _)), None, None)] = runs.as_slice()
        && a == b
    {
        return format!("{name} ≠ {a}");
    }
    let points: Vec<String> = runs
        .iter()
        .filter_map(|run| match run {
            (Some((low, true)), Some((high, true)), None) if low == high => Some(low.to_string()),
            _ => None,
        })
        .collect();
    if points.len() == runs.len() && points.len() > 1 {
        return format!("{name} is {}", listed(&points));
    }
    let parts: Vec<String> = runs.iter().map(|run| interval(name, run)).collect();
    parts.join(" or ")
}

fn interval(name: &str, (low, high, integer): &(Bound, Bound, Option<bool>)) -> String {
    let sign = |bound: &(Decimal, bool)| if bound.1 { "≤" } else { "<" };
    let text = match (low, high) {
        (Some(low), Some(high)) if low.0 == high.0 => format!("{name} = {}", low.0),
        (Some(low), Some(high)) => {
            format!("{} {} {name} {} {}", low.0, sign(low), sign(high), high.0)
        }
        (Some((low, true)), None) => format!("{name} ≥ {low}"),
        (Some((low, false)), None) => format!("{name} > {low}"),
        (None, Some((high, true))) => format!("{name} ≤ {high}"),
        (None, Some((high, false))) => format!("{name} < {high}"),
        (None, None) => format!("{name} is a number"),
    };
    match integer {
        None => text,
        Some(true) => format!("{text}, written as an integer"),
        Some(false) => format!("{text}, not written as an integer"),
    }
}

fn texts(
    space: &Space<'_>,
    variable: &Variable,
    classes: &[(usize, &Class)],
    set: &Bits,
    name: &str,
) -> String {
    let word = |class: &Class| match class.values.first() {
        Some(Some(Value::String(text))) => words::quoted(text),
        _ => String::new(),
    };
    let (held, left): (Vec<_>, Vec<_>) = classes.iter().partition(|(at, _)| set.contains(*at));
    let are_points = |list: &[(usize, &Class)]| {
        list.len() <= LISTED_MAX && list.iter().all(|(_, class)| class.point)
    };
    let mut listed_words: Vec<String> = held.iter().map(|(_, class)| word(class)).collect();
    listed_words.sort();
    if are_points(&held) {
        let is = if held.len() == 1 { "=" } else { "is" };
        return format!("{name} {is} {}", listed(&listed_words));
    }
    if are_points(&left) {
        let mut others: Vec<String> = left.iter().map(|(_, class)| word(class)).collect();
        others.sort();
        return format!("{name} is a string other than {}", listed(&others));
    }
    let is_text = |class: &Class| class.kind == Kind::Text;
    literal(space, variable, set, &is_text).unwrap_or_else(|| {
        let first = held.first().map(|(_, class)| word(class)).unwrap_or_default();
        format!("{name} is a string such as {first}")
    })
}
