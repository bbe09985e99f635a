//! Measurements, in one form from which every format is written.

/// How a measurement behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows, until the process starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often values fell into which range.
    Histogram,
}

/// Measurements of one name.
#[derive(Clone, Debug)]
pub struct Family {
    /// The name, with the unit at its end; counters end in `_total`.
    pub name: &'static str,
    /// One sentence for people.
    pub help: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// One measurement for every set of labels.
    pub samples: Vec<Sample>,
}

/// One measurement.
///
/// INVARIANT(bounded-labels): the value of a label is a word of this program or of its
/// configuration, never one of an agent, an upstream or a person.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Labels with their values.
    pub labels: Vec<(&'static str, String)>,
    /// What was measured.
    pub value: Value,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(u64),
    /// Any number.
    Number(f64),
    /// A histogram.
    Spread(Spread),
}

/// How often values fell into which range.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// The upper bounds, rising.
    pub bounds: &'static [f64],
    /// How many values lie within each bound and above the one before; one more for the rest.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: f64,
}

impl Spread {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Family {
    /// A family of one measurement without labels.
    pub fn one(name: &'static str, help: &'static str, kind: Kind, value: Value) -> Self {
        Self { name, help, kind, samples: vec![Sample { labels: Vec::new(), value }] }
    }

    /// A gauge.
    pub fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self::one(name, help, Kind::Gauge, Value::Number(value))
    }
}
