//! The inner loop: payload of chunks that lie whole in the input.

use super::stream::Partial;

/// Copies the payload of one chunk and of the plain chunks that follow it in the same input.
pub(super) struct Run {
    /// The basic header of a continuation, where it is one byte and nothing follows it.
    pub(super) plain: Option<u32>,
    pub(super) chunk_size: usize,
    pub(super) max_chunks: usize,
}

impl Run {
    /// Bytes taken of the input, and bytes still to come of the chunk that it ends in.
    pub(super) fn copy(
        &self,
        partial: &mut Partial,
        mut left: usize,
        input: &[u8],
    ) -> (usize, usize) {
        let mut rest = input;
        loop {
            let Some((payload, tail)) = rest.split_at_checked(left) else {
                partial.append(rest);
                return (input.len(), left - rest.len());
            };
            partial.append(payload);
            rest = tail;
            let next = partial.missing().min(self.chunk_size);
            let plain = self
                .plain
                .is_some_and(|plain| rest.first().is_some_and(|&byte| u32::from(byte) == plain));
            if next == 0 || !plain || partial.chunks >= self.max_chunks {
                return (input.len() - rest.len(), 0);
            }
            partial.chunks += 1;
            rest = rest.get(1..).unwrap_or_default();
            left = next;
        }
    }
}
