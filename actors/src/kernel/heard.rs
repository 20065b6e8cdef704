//! A listener to the log, for tests: every line with the fields of the spans around it.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// What was logged while a closure ran.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    level: Level,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    spans: HashMap<u64, String>,
    entered: Vec<u64>,
    lines: Vec<String>,
}

/// Runs `work` and gives the lines at `level` and above.
pub(crate) fn lines_of(level: Level, work: impl FnOnce()) -> Vec<String> {
    let heard = Heard { level, state: Arc::default() };
    tracing::subscriber::with_default(heard.clone(), work);
    let mut state = heard.state.lock().unwrap();
    std::mem::take(&mut state.lines)
}

struct Text<'t>(&'t mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut text = attributes.metadata().name().to_owned();
        attributes.record(&mut Text(&mut text));
        let mut state = self.state.lock().unwrap();
        let number = state.spans.len() as u64 + 1;
        state.spans.insert(number, text);
        Id::from_u64(number)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut state = self.state.lock().unwrap();
        values.record(&mut Text(state.spans.get_mut(&span.into_u64()).unwrap()));
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap();
        let mut line: String = state.entered.iter().map(|number| format!("[{}]", state.spans[number])).collect();
        event.record(&mut Text(&mut line));
        state.lines.push(line);
    }

    fn enter(&self, span: &Id) {
        self.state.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        let mut state = self.state.lock().unwrap();
        let at = state.entered.iter().rposition(|number| *number == span.into_u64()).unwrap();
        state.entered.remove(at);
    }
}
