//! A whole broadcast: from its publisher over hooks, targets and players to its bucket, row and events; and the same with a server that is
//! killed at any moment of it.

#[path = "../common/mod.rs"]
mod common;

mod events;
mod kills;
mod whole;
