//! What the fuzz targets check: one function for each, from any bytes to a panic where a promise does not hold.
//!
//! Beside never crashing, the parsers promise that results do not depend on how input was split, that what was read and
//! written reads the same again, and that nothing grows past its input or its limit. `fuzz/` calls these functions,
//! and the tests replay all seeds and regressions through them.

mod audio;
mod client;
mod input;
mod media;
mod mp4;
mod recorded;
mod rtmp;
mod texts;
mod values;
mod video;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name of the function, its binary, seeds and regressions.
    pub name: &'static str,
    /// Checks one input.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($module:ident: $($name:ident),+;)+) => {
        $(pub use self::$module::{$($name),+};)+

        /// All targets.
        pub const TARGETS: &[Target] =
            &[$($(Target { name: stringify!($name), run: $name }),+),+];
    };
}

targets! {
    rtmp: handshake, chunk_stream, message, aggregate, server_session, stream_path;
    client: client_session, rtmp_url;
    values: amf0, amf3, metadata;
    media: flv_reader, flv_body, recorder, assembler;
    video: avcc, sps, nal_units, hvcc, hevc_sets, hevc_units, av1c, obu, vpcc, vp9, vp8;
    audio: asc, adts, opus_head, flac, ac3, eac3, mp3;
    mp4: hls, remux, mp4_verify;
    recorded: fragments, mp4_recorder, mp4_index;
    texts: playlist, mpd;
}
