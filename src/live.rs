//! Fan-out to players.
