//! Measurements as Prometheus reads them: its text format, version 0.0.4.

use std::fmt::Write as _;

use crate::{Family, Kind, Spread, Value};

/// Writes all families.
pub fn write(families: &[Family]) -> String {
    let mut out = String::with_capacity(8 * 1024);
    for family in families {
        let Family { name, help, kind, samples } = family;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", escaped(help, false));
        for sample in samples {
            match &sample.value {
                Value::Whole(number) => {
                    line(&mut out, name, "", &sample.labels, None, &number.to_string())
                }
                Value::Number(number) => {
                    line(&mut out, name, "", &sample.labels, None, &float(*number))
                }
                Value::Spread(spread) => histogram(&mut out, name, &sample.labels, spread),
            }
        }
    }
    out
}

fn histogram(out: &mut String, name: &str, labels: &[(&'static str, String)], spread: &Spread) {
    let mut below = 0;
    for (bound, count) in spread.bounds.iter().zip(&spread.counts) {
        below += count;
        line(out, name, "_bucket", labels, Some(&float(*bound)), &below.to_string());
    }
    let count = spread.count().to_string();
    line(out, name, "_bucket", labels, Some("+Inf"), &count);
    line(out, name, "_sum", labels, None, &float(spread.sum));
    line(out, name, "_count", labels, None, &count);
}

fn line(
    out: &mut String,
    name: &str,
    suffix: &str,
    labels: &[(&'static str, String)],
    below: Option<&str>,
    value: &str,
) {
    out.push_str(name);
    out.push_str(suffix);
    let bound = below.map(|below| ("le", below));
    let labels = labels.iter().map(|(name, value)| (*name, value.as_str())).chain(bound);
    let mut open = false;
    for (name, value) in labels {
        let _ = write!(out, "{}{name}=\"{}\"", if open { ',' } else { '{' }, escaped(value, true));
        open = true;
    }
    if open {
        out.push('}');
    }
    let _ = writeln!(out, " {value}");
}

fn escaped(text: &str, quoted: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quoted { text.replace('"', "\\\"") } else { text }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        number.to_string()
    }
}
