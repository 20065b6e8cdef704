//! Part of Rialto.
fn main() {}
