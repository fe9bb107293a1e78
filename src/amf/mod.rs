//! Action Message Format: the values in RTMP commands and FLV script tags.
//!
//! AMF0 is read and written in full. AMF3 values are read where AMF0 switches to them (marker `0x11`), and written by
//! [`amf3::encode`], or by [`amf0::encode_amf3`] behind that marker.
//! Decoding is bounded in depth and in the number of values by [`Limits`](crate::limits::Limits); memory grows
//! with bytes read, never with a declared count.

pub mod amf0;
pub mod amf3;
mod value;

pub use value::Value;
