//! Decide without IO, then do IO. A [`Machine`] decides; the [`Shell`] around it is the one actor: it feeds inputs in order, performs the effects through a
//! [`Performer`], feeds completions back, keeps time, and catches panics. Only this folder names actix.

pub mod clock;
pub mod handle;
#[cfg(test)]
pub(crate) mod heard;
pub mod machine;
pub mod shell;
pub mod supervise;
pub mod test_loop;

pub use clock::Clock;
pub use handle::{AskError, Full, Handle};
pub use machine::{Effects, Machine, Moment};
pub use shell::{Acts, Performer, Shell, detach};
pub use supervise::{CrashBudget, PanicReport, Verdict, guarded};
