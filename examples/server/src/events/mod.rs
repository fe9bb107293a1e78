//! What happens to streams and recordings, as signed JSON that is queued on the disk and sent until it is taken.
//!
//! [`Bus::emit`] may be called from any thread and never waits. [`Journal`] writes events to the store, one row for each receiver
//! beside them, and a task for each receiver sends its rows in order.

mod assets;
mod bus;
mod journal;
mod send;
mod settings;
mod sign;
mod stream;

#[cfg(test)]
mod tests;

pub use assets::Told;
pub use bus::{Bus, Kind};
pub use journal::{Filter, Journal, SCHEMA, Stored};
pub use settings::EventArgs;
pub use stream::StreamEvents;
