//! The two control messages that are about the chunk stream itself.

use super::Reader;
use crate::error::{Error, Layer, Result};
use crate::rtmp::chunk::{DEFAULT_CHUNK_SIZE, MAX_CHUNK_SIZE};
use crate::rtmp::notice::Notice;

impl Reader {
    pub(super) fn handle_set_chunk_size(&mut self, payload: &[u8]) -> Result<()> {
        let Some(size) = payload.first_chunk().copied().map(u32::from_be_bytes) else {
            self.notices.note(Notice::ControlMessageShort);
            return Ok(());
        };
        if size == 0 || size > 0x7fff_ffff {
            let error = Error::violation(Layer::Chunk, "Set Chunk Size").found(size.into());
            return Err(error.at(self.offset).clause("RTMP 1.0 5.4.1"));
        }
        if size > MAX_CHUNK_SIZE {
            self.notices.note(Notice::ChunkSizeClamped);
        } else if size < DEFAULT_CHUNK_SIZE {
            self.notices.note(Notice::ChunkSizeSmall);
        }
        self.chunk_size = size.min(MAX_CHUNK_SIZE) as usize;
        Ok(())
    }

    /// Drops the partial message of one chunk stream and keeps its header state (5.4.2).
    pub(super) fn handle_abort(&mut self, payload: &[u8]) {
        let Some(csid) = payload.first_chunk().copied().map(u32::from_be_bytes) else {
            self.notices.note(Notice::ControlMessageShort);
            return;
        };
        let stream = self.streams.iter_mut().find(|stream| stream.csid == csid);
        if let Some(partial) = stream.and_then(|stream| stream.partial.take()) {
            self.reserved = self.reserved.saturating_sub(partial.capacity());
        }
    }
}
