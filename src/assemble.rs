//! Messages and tags into access units.
