//! eac3
