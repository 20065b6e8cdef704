//! Row → derived writes, a pure function used by every backend.
