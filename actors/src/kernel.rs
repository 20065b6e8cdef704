//! Decide without IO, then do IO. A [`Machine`] decides, the shell around it is the one actor that performs. Only this folder names actix.

pub mod clock;
pub mod machine;

pub use clock::Clock;
pub use machine::{Effects, Machine, Moment};
