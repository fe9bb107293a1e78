//! Fan-out to players: what one who joins gets first, and what waits for one who is slow.

mod gop_cache;
mod player_queue;

pub use gop_cache::GopCache;
pub use player_queue::{ItemClass, PlayerQueue};

#[cfg(test)]
mod tests;
