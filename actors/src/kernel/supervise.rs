//! What happens when a machine panics: the panic is caught, reported once, and counted against a budget.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

/// Crashes within [`CRASH_WINDOW_MS`] that lead to an immediate restart; one more, and the actor is kept down for a while.
pub const CRASHES_FORGIVEN: u32 = 3;
/// Milliseconds over which crashes are counted.
pub const CRASH_WINDOW_MS: u64 = 60_000;
/// Milliseconds that an actor is kept down at first; doubles with every further crash.
pub const QUARANTINE_MS_MIN: u64 = 5_000;
/// Milliseconds that it is kept down at most.
pub const QUARANTINE_MS_MAX: u64 = 300_000;

/// What a caught panic said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicReport {
    /// Its message.
    pub message: String,
    /// `file:line` of it.
    pub location: String,
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static LOCATION: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `work`, and turns a panic in it into a report. What `work` changed must be dropped by the caller.
///
/// # Errors
/// The report of the panic.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, PanicReport> {
    install_hook();
    let before = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    result.map_err(|panic| PanicReport { message: message(&*panic), location: LOCATION.take() })
}

/// Without this hook every caught panic would also be printed by the default one: logged twice, and not in the log's form.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if GUARDED.get() {
                let location = info.location().map(ToString::to_string).unwrap_or_default();
                LOCATION.with(|slot| *slot.borrow_mut() = location);
            } else {
                default(info);
            }
        }));
    });
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a message".to_owned())
}

/// What to do after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Rebuild on the next input.
    Restart,
    /// Refuse everything until this monotonic time, then rebuild.
    Quarantine {
        /// Monotonic milliseconds.
        until_ms: u64,
    },
}

/// Counts an actor's crashes, so that a poison input ends in `unavailable` and not in a loop.
#[derive(Clone, Debug, Default)]
pub struct CrashBudget {
    window_start_ms: u64,
    crashes: u32,
}

impl CrashBudget {
    /// Records a crash.
    pub fn crashed(&mut self, mono_ms: u64) -> Verdict {
        if mono_ms.saturating_sub(self.window_start_ms) > CRASH_WINDOW_MS + self.quarantine_ms() {
            self.window_start_ms = mono_ms;
            self.crashes = 0;
        }
        self.crashes = self.crashes.saturating_add(1);
        match self.quarantine_ms() {
            0 => Verdict::Restart,
            pause => Verdict::Quarantine { until_ms: mono_ms + pause },
        }
    }

    fn quarantine_ms(&self) -> u64 {
        match self.crashes.saturating_sub(CRASHES_FORGIVEN) {
            0 => 0,
            further => QUARANTINE_MS_MIN.saturating_mul(1 << (further - 1).min(16)).min(QUARANTINE_MS_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_reported_with_its_place_and_the_thread_goes_on() {
        let report = guarded(|| -> () { panic!("poison {}", 7) }).unwrap_err();
        assert_eq!(report.message, "poison 7");
        assert!(report.location.contains("supervise.rs:"), "{}", report.location);
        assert_eq!(guarded(|| 5), Ok(5));
    }

    #[test]
    fn the_budget_forgives_three_crashes_then_waits_longer_and_longer_and_forgets() {
        let mut budget = CrashBudget::default();
        let verdicts: Vec<_> = (0..6).map(|n| budget.crashed(1_000 + n)).collect();
        assert_eq!(&verdicts[..3], [Verdict::Restart; 3]);
        assert_eq!(verdicts[3], Verdict::Quarantine { until_ms: 1_003 + QUARANTINE_MS_MIN });
        assert_eq!(verdicts[4], Verdict::Quarantine { until_ms: 1_004 + 2 * QUARANTINE_MS_MIN });
        assert_eq!(verdicts[5], Verdict::Quarantine { until_ms: 1_005 + 4 * QUARANTINE_MS_MIN });
        assert_eq!(budget.crashed(10 * CRASH_WINDOW_MS), Verdict::Restart);
    }
}
