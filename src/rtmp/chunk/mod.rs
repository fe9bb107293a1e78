//! The chunk stream: messages cut into chunks that may be interleaved (RTMP 1.0 5.3).

mod header;
mod reader;
mod shared;
mod writer;

use bytes::Bytes;

pub use reader::{ExtendedTimestampMode, Reader, RepeatAfterFullHeader};
pub use shared::SharedMessage;
pub use writer::Writer;

/// Bytes of payload in a chunk until Set Chunk Size says otherwise.
pub const DEFAULT_CHUNK_SIZE: u32 = 128;

/// Largest chunk size that has an effect: no message is longer.
pub const MAX_CHUNK_SIZE: u32 = 0x00ff_ffff;

/// Largest message: what the 24-bit length can say.
pub const MAX_MESSAGE_BYTES: usize = 0x00ff_ffff;

/// Value of the 24-bit timestamp field that says that an extended timestamp follows.
pub(crate) const EXTENDED: u32 = 0x00ff_ffff;

/// The chunk stream ids that this crate writes on. Readers take any.
pub mod csid {
    /// Protocol control and user control messages (fixed by RTMP 1.0 5.4).
    pub const CONTROL: u32 = 2;
    /// Commands of the connection.
    pub const COMMAND: u32 = 3;
    /// Commands and data of a message stream.
    pub const STREAM: u32 = 5;
    /// Audio.
    pub const AUDIO: u32 = 6;
    /// Video.
    pub const VIDEO: u32 = 7;

    /// The chunk stream for a message of `type_id` on message stream `stream_id`.
    #[must_use]
    pub const fn of(type_id: u8, stream_id: u32) -> u32 {
        match type_id {
            1..=6 => CONTROL,
            8 => AUDIO,
            9 => VIDEO,
            _ if stream_id == 0 => COMMAND,
            _ => STREAM,
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What the payload is: see [`message::type_id`](crate::rtmp::message::type_id).
    pub type_id: u8,
    /// The message stream that it belongs to; 0 is the connection.
    pub stream_id: u32,
    /// Absolute time in milliseconds, wrapping at 2^32.
    pub timestamp: u32,
    /// The body, in a buffer of its own.
    pub payload: Bytes,
}
