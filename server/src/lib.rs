//! Part of Rialto.

pub mod gateway;
pub mod ws;
