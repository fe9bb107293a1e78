//! Fan-out to players: what one who joins gets first, and what waits for one who is slow; and who publishes, where two want
//! to.

mod egress;
mod gop_cache;
mod player_queue;
mod takeover;

pub use egress::SequenceEnd;
pub use gop_cache::GopCache;
pub use player_queue::{ItemClass, PlayerQueue};
pub use takeover::{Handover, Takeover};

#[cfg(test)]
mod tests;
