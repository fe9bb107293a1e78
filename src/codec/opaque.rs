//! opaque
