//! Sans-IO live-media core: RTMP sessions, FLV, access units, HLS/fMP4, recording and remux.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod amf;
pub mod assemble;
pub mod buf;
pub mod codec;
pub mod driver;
pub mod error;
pub mod flv;
pub mod hls;
pub mod limits;
pub mod live;
pub mod media;
pub mod mp4;
pub mod record;
pub mod remux;
pub mod rtmp;
pub mod time;

#[cfg(feature = "_testing")]
#[doc(hidden)]
pub mod testing;

/// Compiles the Rust of `README.md`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
