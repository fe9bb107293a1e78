//! RTMP 1.0: handshake, chunk stream, messages and sessions.
//!
//! The layers stand on each other and can be used alone: [`handshake`] opens the connection, [`chunk`] cuts messages
//! into chunks and joins them again, [`message`] gives their bodies types, and [`session`] behaves as a server or a client.

pub mod chunk;
pub mod handshake;
pub mod message;
mod notice;
pub mod session;

pub use notice::Notice;
