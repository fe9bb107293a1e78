//! A live-media core without I/O: bytes and time in, media out.
//!
//! RTMP and FLV come in, with the codecs of Enhanced RTMP; access units of each track stand in the middle; HLS in
//! fragmented MP4, FLV recordings, MP4 files and RTMP to players go out. There are no sockets, files, clocks or threads in here: you bring those, or take
//! the [driver for tokio](crate::driver) behind the feature `tokio`.
//!
//! # From the first byte to HLS
//!
//! **1. A connection.** [`rtmp::session::ServerSession`] is the server's end of one RTMP connection. Give it what the
//! socket gives; take events and output.
//!
//! ```
//! use streamcore::rtmp::session::{ServerSession, SessionConfig, SessionEvent};
//! use streamcore::time::Micros;
//!
//! # fn write_to_socket(_: &streamcore::buf::Chain) {}
//! # fn main() -> streamcore::error::Result<()> {
//! let mut session = ServerSession::new(SessionConfig::default(), 7, Micros::ZERO);
//!
//! // C0 and C1 of a client, as they come off the socket, in whatever pieces.
//! let mut hello = vec![0; 1537];
//! hello[0] = 3;
//! session.handle_input(Micros::from_millis(5), &hello[..100])?;
//! session.handle_input(Micros::from_millis(6), &hello[100..])?;
//!
//! let answer = session.poll_output().expect("S0, S1 and S2 in one piece");
//! assert_eq!(answer.len(), 1 + 1536 + 1536);
//! write_to_socket(&answer);
//!
//! while let Some(event) = session.poll_event() {
//!     match event {
//!         SessionEvent::Publish { request, path, .. } if path.app == "live" => session.accept(request)?,
//!         SessionEvent::Media { timestamp, payload, .. } => println!("{timestamp} ms: {} bytes", payload.len()),
//!         _ => {}
//!     }
//! }
//! // Where nothing comes in, the session says when it wants to hear of the time.
//! assert_eq!(session.poll_timeout(), Some(Micros::from_millis(10_000)));
//! # Ok(())
//! # }
//! ```
//!
//! **2. Access units.** A message of RTMP and a tag of FLV have the same body. [`assemble::Assembler`] makes tracks and
//! access units of them, on one time line, and repairs what real encoders get wrong.
//!
//! **3. Out.** [`hls::Muxer`] takes tracks and units and answers for the files of an HLS stream. Here both, from an FLV
//! that is made on the spot:
//!
//! ```
//! use bytes::Bytes;
//! use streamcore::assemble::{Assembler, Event};
//! use streamcore::flv::{Tag, TagKind};
//! use streamcore::hls::{Muxer, MuxerConfig};
//! use streamcore::limits::Limits;
//!
//! # fn main() -> streamcore::error::Result<()> {
//! let limits = Limits::default();
//! let (mut assembler, mut muxer) = (Assembler::new(&limits), Muxer::new(MuxerConfig::default(), &limits));
//!
//! // AAC: the configuration (48 kHz, stereo), then six seconds of frames.
//! let header = Tag { kind: TagKind::Audio, timestamp: 0, body: Bytes::from_static(&[0xaf, 0, 0x11, 0x90]) };
//! let frames = (0..282_u32).map(|n| Tag {
//!     kind: TagKind::Audio,
//!     timestamp: n * 1024 / 48,
//!     body: Bytes::from_static(&[0xaf, 1, 0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c]),
//! });
//! for tag in std::iter::once(header).chain(frames) {
//!     assembler.handle_tag(&tag);
//!     while let Some(event) = assembler.poll_event() {
//!         match event {
//!             Event::Track(track) => muxer.handle_track(track)?,
//!             Event::Unit(unit) => muxer.handle_unit(unit, None)?,
//!             Event::Discontinuity => muxer.handle_discontinuity()?,
//!             _ => {}
//!         }
//!     }
//! }
//! muxer.finish()?;
//!
//! let playlist = muxer.file("index.m3u8").expect("a stream of known codecs");
//! let text = String::from_utf8(playlist.body.to_bytes().to_vec()).unwrap();
//! assert!(text.contains(r#"CODECS="mp4a.40.2""#), "{text}");
//! let segment = muxer.file("audio_0.m4s").expect("the first two seconds");
//! assert_eq!(segment.content_type, "audio/mp4");
//! # Ok(())
//! # }
//! ```
//!
//! # What else there is
//!
//! | to | take |
//! |---|---|
//! | describe the same segments to DASH players | [`dash::Presentation`] |
//! | send to RTMP players, chunked once for all of them | [`rtmp::chunk::SharedMessage`], [`live::GopCache`], [`live::PlayerQueue`] |
//! | publish to a server, or play from one | [`rtmp::session::ClientSession`] |
//! | record | [`record::FlvRecorder`] |
//! | make a folder of HLS and DASH of a recording | [`package::Packager`] |
//! | make an MP4 of an FLV | [`remux::Remuxer`] |
//! | read and write FLV | [`flv::Reader`], [`flv::Writer`] |
//! | write MP4 boxes around samples that stay where they are | [`mp4`] |
//!
//! # Contracts
//!
//! - `handle_*` takes input, `poll_*` gives output. Inputs may come any number of times before a poll. Queues are bounded; an input
//!   call that finds one full takes less than all and says so.
//! - The output does not depend on how the input was split.
//! - No input can make a call panic, or hold more memory than [`limits::Limits`] says. An [`error::Error`] names
//!   who is at fault, the layer, the field and the byte.
//! - A payload byte is copied once, from the read buffer into its message. All that comes after holds references.
//! - Time is an argument ([`time::Micros`]).

#![cfg_attr(docsrs, feature(doc_cfg))]

/// The crate of shared buffers, whose [`Bytes`](bytes::Bytes) stands in this interface.
pub use bytes;

pub mod amf;
pub mod assemble;
pub mod buf;
pub mod codec;
pub mod dash;
pub mod driver;
pub mod error;
pub mod flv;
pub mod hls;
pub mod limits;
pub mod live;
pub mod media;
pub mod mp4;
pub mod package;
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
