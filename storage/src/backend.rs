//! The backends. Only here are databases named.
