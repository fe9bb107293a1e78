//! The C library of streamcore. The header `include/streamcore.h` is made from what is documented here.
//!
//! Every exported function is one call of [`door`](door::door) or, where there is no handle, of
//! [`hall`](door::hall): nulls, wrong and poisoned handles and panics are dealt with there and nowhere else.
#![expect(non_camel_case_types, reason = "these are the names of the C types")]

mod assemble;
mod buf;
mod client_event;
mod client_session;
mod door;
mod error;
mod file;
mod files;
mod flv;
mod live;
mod media;
mod mp4_recorder;
mod muxer;
mod output;
mod pointers;
mod probe;
mod record;
mod remuxer;
mod server_session;
mod session_event;
mod status;
mod version;

// This file is the root of the package in `testing/` too, which has no tests of its own here.
#[cfg(feature = "_testing")]
#[path = "../testing/src/mod.rs"]
pub mod testing;
#[cfg(test)]
#[cfg(not(feature = "_testing"))]
mod tests;

pub use assemble::*;
pub use buf::*;
pub use client_event::*;
pub use client_session::*;
pub use error::*;
pub use file::*;
pub use files::*;
pub use flv::*;
pub use live::*;
pub use media::*;
pub use mp4_recorder::*;
pub use muxer::*;
pub use output::*;
pub use probe::*;
pub use record::*;
pub use remuxer::*;
pub use server_session::*;
pub use session_event::*;
pub use status::*;
pub use version::*;
