"""Types of all bodies and events, tables of codes, limits: made from the Rust crate `protocol`."""
