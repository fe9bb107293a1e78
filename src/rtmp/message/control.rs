//! Protocol control and user control messages.

use super::type_id;
use crate::buf::Writer;
use crate::rtmp::chunk::Message;

/// How a peer is to take Set Peer Bandwidth (5.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitType {
    /// 0: limit output to the window.
    Hard,
    /// 1: limit output to the smaller of the window and the one in effect.
    Soft,
    /// 2: as hard if the last one was hard, else ignore.
    Dynamic,
}

/// A protocol control message (5.4) or user control message (6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// Bytes of payload in each chunk from here on.
    SetChunkSize(u32),
    /// Drop the incomplete message of a chunk stream.
    Abort(u32),
    /// Bytes received since the start of the connection, modulo 2^32.
    Acknowledgement(u32),
    /// Bytes after which the peer is to acknowledge.
    WindowAckSize(u32),
    /// Window in bytes, and how to take it.
    SetPeerBandwidth(u32, LimitType),
    /// A user control event.
    User(UserControl),
}

/// A user control event (7.1.7).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserControl {
    /// Stream Begin: a message stream is usable.
    StreamBegin(u32),
    /// Stream EOF: no more media on a message stream.
    StreamEof(u32),
    /// Stream Dry: no media for a while.
    StreamDry(u32),
    /// Set Buffer Length: message stream and milliseconds.
    SetBufferLength(u32, u32),
    /// Stream Is Recorded.
    StreamIsRecorded(u32),
    /// Ping Request: the server's clock in milliseconds.
    PingRequest(u32),
    /// Ping Response: the clock of the request.
    PingResponse(u32),
    /// Any other event type.
    Unknown(u16),
}

impl Control {
    /// Reads a message of types 1 to 6. None for another type, and for a body that is too short. Longer bodies are
    /// read as far as the fields go. Set Peer Bandwidth without its type byte counts as dynamic.
    #[must_use]
    pub fn parse(type_id: u8, payload: &[u8]) -> Option<Self> {
        if type_id == type_id::USER_CONTROL {
            return UserControl::parse(payload).map(Self::User);
        }
        let value = u32::from_be_bytes(*payload.first_chunk()?);
        Some(match type_id {
            type_id::SET_CHUNK_SIZE => Self::SetChunkSize(value),
            type_id::ABORT => Self::Abort(value),
            type_id::ACKNOWLEDGEMENT => Self::Acknowledgement(value),
            type_id::WINDOW_ACK_SIZE => Self::WindowAckSize(value),
            type_id::SET_PEER_BANDWIDTH => Self::SetPeerBandwidth(
                value,
                match payload.get(4) {
                    Some(0) => LimitType::Hard,
                    Some(1) => LimitType::Soft,
                    _ => LimitType::Dynamic,
                },
            ),
            _ => return None,
        })
    }

    /// The message, on message stream 0 at time 0.
    #[must_use]
    pub fn to_message(&self) -> Message {
        let mut body = Writer::with_capacity(12);
        let type_id = match self {
            Self::SetChunkSize(size) => {
                body.u32(*size);
                type_id::SET_CHUNK_SIZE
            }
            Self::Abort(csid) => {
                body.u32(*csid);
                type_id::ABORT
            }
            Self::Acknowledgement(bytes) => {
                body.u32(*bytes);
                type_id::ACKNOWLEDGEMENT
            }
            Self::WindowAckSize(size) => {
                body.u32(*size);
                type_id::WINDOW_ACK_SIZE
            }
            Self::SetPeerBandwidth(size, limit) => {
                body.u32(*size);
                body.u8(match limit {
                    LimitType::Hard => 0,
                    LimitType::Soft => 1,
                    LimitType::Dynamic => 2,
                });
                type_id::SET_PEER_BANDWIDTH
            }
            Self::User(event) => {
                event.encode(&mut body);
                type_id::USER_CONTROL
            }
        };
        Message { type_id, stream_id: 0, timestamp: 0, payload: body.freeze() }
    }
}

impl UserControl {
    fn parse(payload: &[u8]) -> Option<Self> {
        let (event, rest) = payload.split_first_chunk()?;
        let value = |at: usize| {
            rest.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u32::from_be_bytes)
        };
        Some(match u16::from_be_bytes(*event) {
            0 => Self::StreamBegin(value(0)?),
            1 => Self::StreamEof(value(0)?),
            2 => Self::StreamDry(value(0)?),
            3 => Self::SetBufferLength(value(0)?, value(4)?),
            4 => Self::StreamIsRecorded(value(0)?),
            6 => Self::PingRequest(value(0)?),
            7 => Self::PingResponse(value(0)?),
            other => Self::Unknown(other),
        })
    }

    fn encode(&self, body: &mut Writer) {
        let (event, value) = match *self {
            Self::StreamBegin(stream_id) => (0, Some(stream_id)),
            Self::StreamEof(stream_id) => (1, Some(stream_id)),
            Self::StreamDry(stream_id) => (2, Some(stream_id)),
            Self::SetBufferLength(stream_id, _) => (3, Some(stream_id)),
            Self::StreamIsRecorded(stream_id) => (4, Some(stream_id)),
            Self::PingRequest(clock) => (6, Some(clock)),
            Self::PingResponse(clock) => (7, Some(clock)),
            Self::Unknown(event) => (event, None),
        };
        body.u16(event);
        if let Some(value) = value {
            body.u32(value);
        }
        if let Self::SetBufferLength(_, millis) = *self {
            body.u32(millis);
        }
    }
}

impl From<UserControl> for Control {
    fn from(event: UserControl) -> Self {
        Self::User(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(control: Control) {
        let message = control.to_message();
        assert_eq!(Control::parse(message.type_id, &message.payload), Some(control));
    }

    #[test]
    fn every_control_message_reads_as_written() {
        let user = [
            UserControl::StreamBegin(1),
            UserControl::StreamEof(2),
            UserControl::StreamDry(3),
            UserControl::SetBufferLength(1, 3000),
            UserControl::StreamIsRecorded(4),
            UserControl::PingRequest(5),
            UserControl::PingResponse(6),
            UserControl::Unknown(31),
        ];
        user.into_iter().map(Control::User).for_each(round_trip);
        for limit in [LimitType::Hard, LimitType::Soft, LimitType::Dynamic] {
            round_trip(Control::SetPeerBandwidth(2_500_000, limit));
        }
        [
            Control::SetChunkSize(4096),
            Control::Abort(6),
            Control::Acknowledgement(u32::MAX),
            Control::WindowAckSize(1),
        ]
        .into_iter()
        .for_each(round_trip);
    }

    #[test]
    fn a4_07_short_control_messages_are_none_and_long_ones_are_read() {
        for type_id in 1..=6 {
            for len in 0..if type_id == 4 { 2 } else { 4 } {
                assert_eq!(
                    Control::parse(type_id, &vec![0; len]),
                    None,
                    "type {type_id}, {len} bytes"
                );
            }
        }
        assert_eq!(Control::parse(5, &[0, 0, 1, 0, 9, 9]), Some(Control::WindowAckSize(256)));
        let dynamic = Control::SetPeerBandwidth(256, LimitType::Dynamic);
        assert_eq!(Control::parse(6, &[0, 0, 1, 0]), Some(dynamic.clone()));
        assert_eq!(Control::parse(6, &[0, 0, 1, 0, 77]), Some(dynamic));
        assert_eq!(Control::parse(4, &[0, 3, 0, 0, 0, 1]), None);
    }

    #[test]
    fn a4_16_unknown_user_control_events_are_kept_apart() {
        for event in [5_u16, 26, 27, 31, 32] {
            let [high, low] = event.to_be_bytes();
            assert_eq!(
                Control::parse(4, &[high, low]),
                Some(Control::User(UserControl::Unknown(event)))
            );
        }
    }
}
