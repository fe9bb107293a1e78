//! The client's side of RTMP and FLV, small and of its own: a benchmark that read with the code
//! it measures would not see that code's mistakes.

pub mod amf;
pub mod chunk;
pub mod flv;
pub mod fmp4;

/// Type id of an audio message or tag.
pub const AUDIO: u8 = 8;
/// Type id of a video message or tag.
pub const VIDEO: u8 = 9;
/// Type id of a data message or a script tag.
pub const DATA: u8 = 18;
