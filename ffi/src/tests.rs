//! Rust calls the C functions.
