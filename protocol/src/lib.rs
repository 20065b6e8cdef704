//! Part of Rialto.
