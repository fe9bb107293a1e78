//! Every cap of the crate in one place, with unit, default and reason.

mod budget;

use std::time::Duration;

pub use budget::Budget;
pub(crate) use budget::Share;

/// Caps on what a peer or a file can make this crate hold or do.
///
/// Start from [`Limits::default`] and change single fields. Each default serves real encoders with room to spare.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one RTMP message or FLV tag. 16 MiB - 1 is all that the 24-bit length can say;
    /// the default of 10 MiB holds key frames of 4K AV1, where 1 MiB is known to break streams.
    pub message_bytes: usize,
    /// Bytes of all messages of one session that are not yet complete: three of the largest, on chunk streams that are
    /// interleaved.
    pub reassembly_bytes: usize,
    /// Bytes that one session holds in all: incomplete messages, events not yet polled, output not yet taken. Past it no
    /// input is taken until the queues are polled. The default has room for the two caps beside it and one largest message.
    pub session_bytes: usize,
    /// Bytes that all sessions with clones of these limits hold together. The default of 1 GiB is ten thousand
    /// publishers in the middle of a key frame of 100 kB: who needs more has the memory for it and says so.
    pub budget: Budget,
    /// Live chunk streams of one session. Real clients use under 8.
    pub chunk_streams: usize,
    /// Chunks that one message may come in: bounds the work that a tiny chunk size can ask for.
    pub chunks_per_message: usize,
    /// Message streams (`createStream`) of one session.
    pub message_streams: usize,
    /// Events that a session queues before it stops to take input.
    pub queued_events: usize,
    /// Bytes that a session queues for the peer before it stops to take input.
    pub queued_output_bytes: usize,
    /// Nesting of AMF values.
    pub amf_depth: usize,
    /// AMF values in one message.
    pub amf_values: usize,
    /// Bytes of an application or stream name.
    pub name_bytes: usize,
    /// Connections that servers may send a client on to, one after the other, before one takes it: it ends loops.
    pub redirects: usize,
    /// Time from the first byte to the end of the handshake, absolute: slow bytes do not extend it.
    pub handshake_timeout: Duration,
    /// Time from the end of the handshake to `publish` or `play`, absolute.
    pub command_timeout: Duration,
    /// Time that one message may take to arrive.
    pub message_timeout: Duration,
    /// Time without any byte of a publisher after which it is given up.
    pub idle_timeout: Duration,
    /// Bytes of the group of pictures that is kept for players who join.
    pub gop_bytes: usize,
    /// Bytes that may wait for one RTMP player before frames are dropped to the next key frame.
    pub player_queue_bytes: usize,
    /// Bytes of one media segment; a stream without key frames is cut here.
    pub segment_bytes: usize,
    /// Bytes of parameter sets of one track.
    pub parameter_set_bytes: usize,
    /// Bytes of one `moov` or `moof` that is read from a file: some 20 a sample, so that the default holds days of video.
    pub index_bytes: usize,
    /// Tracks of one stream, of video and of audio each. Enhanced RTMP can number 256; encoders send under 8.
    pub tracks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 10 << 20,
            reassembly_bytes: 32 << 20,
            session_bytes: 48 << 20,
            budget: Budget::new(1 << 30),
            chunk_streams: 64,
            chunks_per_message: 1 << 18,
            message_streams: 16,
            queued_events: 256,
            queued_output_bytes: 4 << 20,
            amf_depth: 32,
            amf_values: 8192,
            name_bytes: 256,
            redirects: 5,
            handshake_timeout: Duration::from_secs(10),
            command_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            gop_bytes: 32 << 20,
            player_queue_bytes: 8 << 20,
            segment_bytes: 64 << 20,
            parameter_set_bytes: 64 << 10,
            index_bytes: 512 << 20,
            tracks: 16,
        }
    }
}
