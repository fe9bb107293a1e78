//! The handshake (RTMP 1.0 5.2): version, time and random bytes, each echoed by the other side.
//!
//! Neither side waits for more than it needs: the server answers as soon as C1 is whole, in one buffer. With the
//! feature `digest-handshake`, the variant that old Flash players ask for is spoken with clients that ask.

mod client;
#[cfg(feature = "digest-handshake")]
mod digest;
mod random;
mod server;

#[cfg(test)]
mod tests;

pub use client::ClientHandshake;
pub use server::ServerHandshake;

/// What a server makes of a C2 that does not echo S1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EchoPolicy {
    /// A notice. The default: relays and OBS send other bytes (A1-12), and nothing depends on them.
    #[default]
    Tolerant,
    /// A violation, as RTMP 1.0 5.2.4 has it. The digest answer takes the place of the echo, and is never held against it.
    Strict,
}

/// Bytes of C1, C2, S1 and S2 each.
pub const PACKET: usize = 1536;

/// The RTMP version in C0 and S0.
pub const VERSION: u8 = 3;

/// Bytes that each side sends.
pub const TOTAL: usize = 1 + 2 * PACKET;
