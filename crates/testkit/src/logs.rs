//! Everything the process logs, at the finest level and from every crate, kept in memory.

use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

static KEPT: Mutex<String> = Mutex::new(String::new());

/// Starts to keep what is logged. Once per process; later calls change nothing.
pub(crate) fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Keep);
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber is set");
    });
}

/// Runs `look` over everything that was logged so far.
pub(crate) fn with<T>(look: impl FnOnce(&str) -> T) -> T {
    look(&KEPT.lock().unwrap_or_else(PoisonError::into_inner))
}

struct Keep;

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        write(event.metadata(), |visitor| event.record(visitor));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        write(attributes.metadata(), |visitor| attributes.record(visitor));
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        values.record(&mut Line(&mut kept));
        kept.push('\n');
    }
}

fn write(metadata: &Metadata<'_>, record: impl FnOnce(&mut Line<'_>)) {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push_str(metadata.level().as_str());
    kept.push(' ');
    kept.push_str(metadata.target());
    record(&mut Line(&mut kept));
    kept.push('\n');
}

/// One line that is being written.
struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a string takes everything");
    }
}
