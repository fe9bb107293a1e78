//! Streams as encoders send them.
