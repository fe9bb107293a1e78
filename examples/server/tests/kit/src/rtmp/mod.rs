//! A small RTMP client, written for these tests from the specification and independent of the crate under test.

mod amf0;
mod chunk;
mod client;

pub use amf0::Value;
pub use chunk::{Message, Reader};
pub use client::{Client, Publisher};

/// Type id of an AMF0 command.
const COMMAND: u8 = 20;

/// Bytes of C0, C1 and C2 (RTMP 1.0, 5.2.1).
pub const HANDSHAKE_BYTES: usize = 1 + 1536 + 1536;

/// Messages in the bytes that a client sent on one connection, handshake included.
///
/// # Panics
/// When the bytes are no RTMP.
pub fn messages_of_capture(bytes: &[u8]) -> Vec<Message> {
    let mut reader = Reader::default();
    reader.push(bytes.get(HANDSHAKE_BYTES..).expect("a whole handshake"));
    std::iter::from_fn(|| reader.next_message()).collect()
}

/// Values of a command message; `None` for any other message.
pub fn command(message: &Message) -> Option<Vec<Value>> {
    (message.type_id == COMMAND).then(|| amf0::decode(&message.payload))
}
