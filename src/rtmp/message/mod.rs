//! Message bodies: protocol control, user control, commands, data and aggregates (RTMP 1.0 5.4, 6.2, 7.1).

mod aggregate;
mod capabilities;
mod command;
mod control;
mod data;
#[cfg(test)]
mod tests;

pub use aggregate::{Aggregate, AggregateTag};
pub use capabilities::{Capabilities, CodecSupport, ExtendedCaps};
pub use command::Command;
pub use control::{Control, LimitType, UserControl};
pub use data::{DataMessage, parse_data};

/// Message type ids.
pub mod type_id {
    /// Set Chunk Size (5.4.1).
    pub const SET_CHUNK_SIZE: u8 = 1;
    /// Abort Message (5.4.2).
    pub const ABORT: u8 = 2;
    /// Acknowledgement (5.4.3).
    pub const ACKNOWLEDGEMENT: u8 = 3;
    /// User Control (6.2).
    pub const USER_CONTROL: u8 = 4;
    /// Window Acknowledgement Size (5.4.4).
    pub const WINDOW_ACK_SIZE: u8 = 5;
    /// Set Peer Bandwidth (5.4.5).
    pub const SET_PEER_BANDWIDTH: u8 = 6;
    /// Audio (7.1.4).
    pub const AUDIO: u8 = 8;
    /// Video (7.1.5).
    pub const VIDEO: u8 = 9;
    /// Data in AMF3 (7.1.2).
    pub const DATA_AMF3: u8 = 15;
    /// Shared object in AMF3 (7.1.3).
    pub const SHARED_OBJECT_AMF3: u8 = 16;
    /// Command in AMF3 (7.1.1).
    pub const COMMAND_AMF3: u8 = 17;
    /// Data in AMF0 (7.1.2).
    pub const DATA: u8 = 18;
    /// Shared object in AMF0 (7.1.3).
    pub const SHARED_OBJECT: u8 = 19;
    /// Command in AMF0 (7.1.1).
    pub const COMMAND: u8 = 20;
    /// Aggregate (7.1.6).
    pub const AGGREGATE: u8 = 22;
}
