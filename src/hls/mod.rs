//! HLS and Low-Latency HLS: one CMAF track a file, segments cut at the video's key frames, parts of segments, a sliding
//! window, and its playlists (RFC 8216, draft rfc8216bis).
//!
//! [`Muxer`] takes tracks and access units and answers for files by name. Nothing is written anywhere:
//! a part is a small head and the shared payload of its access units, a segment is its parts, held while the playlist lists it
//! and for as long again as a slow player may still ask for it.
//!
//! Answers are values: a request that asks for what is not there yet gets [`Answer::Wait`], and is asked again when
//! [`Muxer::version`] has changed. So any event loop can hold it.
//!
//! With [`MuxerConfig::dash`] there is an MPD over the same files, `index.mpd`: an epoch is a period of it. Where parts are made there is
//! `index_ll.mpd` too, which lists the segment that is being made: who asks for that one gets [`Answer::Growing`].
//!
//! | noun | what it is |
//! |---|---|
//! | rendition | one track as a player sees it: a media playlist and its files |
//! | timeline | from the stream's times to ticks of the output: one offset for all tracks of an epoch |
//! | dates | the wall clock of the timeline, led slowly after the encoder's |
//! | variant | one video rendition with the sound that belongs to it: players choose between them |
//! | set | the streams of several publishers as the variants of one: [`VariantSet`] |
//! | cut | the point where all renditions go on to the next segment |
//! | segment | what a rendition holds between two cuts |
//! | part | some frames of a segment, which players get before the segment is whole |
//! | window | the segments that the playlist lists, and those that it listed of late |
//! | epoch | an unbroken stretch of one time line and one set of configurations; a discontinuity is between two |

mod answer;
mod config;
mod dates;
mod file;
mod measured;
mod mpd;
mod muxer;
mod open;
mod part;
mod playlist;
mod presentation;
mod rendition;
mod segment;
mod segmenter;
mod set;
mod timeline;
mod variants;
mod window;

pub use answer::{Answer, BadRequest, Growing, Wait};
pub use config::{DashConfig, MuxerConfig, PlaylistType, Position, Stats};
pub use file::{Cache, File};
pub use muxer::Muxer;
pub use presentation::{PartView, Presentation, RenditionView, SegmentView};
pub use set::VariantSet;
