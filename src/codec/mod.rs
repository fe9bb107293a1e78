//! Codec configuration records and bitstream walks, one module a codec.

pub mod aac;
pub mod ac3;
pub mod av1;
pub mod bits;
pub mod captions;
pub mod color;
pub mod eac3;
pub mod flac;
pub mod h264;
pub mod hevc;
pub mod mp3;
pub mod opaque;
pub mod opus;
pub mod vp8;
pub mod vp9;
pub mod vpcc;

#[cfg(test)]
mod fixtures;
