use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use tracing::Level;

use super::*;
use crate::kernel::heard::lines_of;

/// Says what it hears; panics at "poison".
struct Parrot;

impl Machine for Parrot {
    type Input = &'static str;
    type Effect = &'static str;

    fn apply(&mut self, _now: crate::kernel::Moment, input: &'static str, effects: &mut Effects<&'static str>) {
        assert_ne!(input, "poison");
        effects.push(input);
    }
}

/// A name that counts how often it is written.
struct Name(Rc<Cell<u32>>);

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.set(self.0.get() + 1);
        out.write_str("polly")
    }
}

struct Mouth(Name);

impl Performer<Parrot> for Mouth {
    fn perform(&mut self, effect: &'static str, acts: &mut Acts<'_, Parrot, Self>) {
        tracing::info!(effect, "said");
        match effect {
            "after you" => acts.after_round("bye"),
            "bye" => {
                acts.stop();
                actix_rt::System::current().stop();
            }
            _ => {}
        }
    }

    fn span(&self) -> Span {
        tracing::debug_span!("parrot", name = %self.0)
    }

    fn crash_span(&self) -> Span {
        tracing::error_span!("parrot", name = %self.0)
    }

    fn rebuild(&mut self, _panic: &PanicReport) -> Option<(Parrot, &'static str)> {
        Some((Parrot, "again"))
    }
}

/// What a parrot's log says at this level, and how often its name was written for it.
fn hear(level: Level, inputs: &[&'static str]) -> (Vec<String>, u32) {
    let written = Rc::new(Cell::new(0));
    let name = Name(Rc::clone(&written));
    let lines = lines_of(level, || {
        let system = actix_rt::System::new();
        system.block_on(async {
            let parrot = Shell::start("parrot", Parrot, Mouth(name), Clock::new(Clock::process_start()), 16);
            for input in inputs {
                parrot.offer(input).unwrap();
            }
        });
        system.run().unwrap();
    });
    let lines = lines.into_iter().filter(|line| line.contains("effect=") || line.contains("actor=")).collect();
    (lines, written.get())
}

#[test]
fn every_line_of_an_input_carries_the_span_and_silence_costs_nothing() {
    let (lines, _) = hear(Level::DEBUG, &["hello", "bye"]);
    let said = |word: &str| format!("[parrot name=polly] message=said effect=\"{word}\"");
    assert_eq!(lines, [said("hello"), said("bye")]);
    let (lines, written) = hear(Level::INFO, &["hello", "bye"]);
    assert_eq!((lines.len(), written), (2, 0), "{lines:?}");
}

#[test]
fn a_round_is_over_when_everything_that_waits_is_taken_in() {
    let (lines, _) = hear(Level::INFO, &["after you", "one", "two"]);
    let said = |word: &str| format!(" message=said effect=\"{word}\"");
    assert_eq!(lines, [said("after you"), said("one"), said("two"), said("bye")]);
}

#[test]
fn a_panic_names_whose_it_was_at_every_level() {
    let (lines, _) = hear(Level::ERROR, &["poison", "bye"]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("[parrot name=polly] message=actor panicked actor=\"parrot\""), "{lines:?}");
}
