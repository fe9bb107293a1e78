//! Codec configuration records and bitstream walks, one module a codec.

pub mod aac;
pub mod h264;
