//! Ways to cut a byte sequence into pieces.

use super::generate::Random;

/// How a pipe hands its bytes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chop {
    /// All that there is at once.
    Whole,
    /// Pieces of a fixed number of bytes, at least 1.
    Every(usize),
    /// Pieces of 1 to 4,000 bytes, short ones more often, from a seed.
    Random(u64),
}

/// Cuts `data` into pieces.
#[must_use]
pub fn pieces(data: &[u8], chop: Chop) -> Vec<&[u8]> {
    match chop {
        Chop::Whole => vec![data],
        Chop::Every(size) => data.chunks(size.max(1)).collect(),
        Chop::Random(seed) => {
            let mut random = Random::new(seed);
            let mut rest = data;
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let most = if random.below(4) == 0 { 4000 } else { 24 };
                let size = 1 + random.below(most);
                let (piece, tail) = rest.split_at_checked(size).unwrap_or((rest, &[]));
                pieces.push(piece);
                rest = tail;
            }
            pieces
        }
    }
}
