//! FLV to MP4 remux.

use bytes::Bytes;

use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

/// A range of the source or bytes.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes of the source.
    Copy {
        /// Where.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// New bytes.
    Inline(Bytes),
}

/// The MP4.
#[derive(Clone, Debug)]
pub struct Plan {
    /// ftyp, moov, mdat header.
    pub head: Bytes,
    /// Media.
    pub body: Vec<Piece>,
}

/// To come.
#[derive(Debug)]
pub struct Remuxer;

impl Remuxer {
    /// To come.
    #[must_use]
    pub const fn new(_: &Limits) -> Self {
        Self
    }

    /// To come.
    pub const fn handle_input(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    /// To come.
    pub const fn finish(self) -> Result<Plan> {
        Err(Error::unsupported(Layer::Remux, "remux"))
    }
}
