//! A list of shared buffers as an HTTP body: nothing is joined, the length is known.

use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use streamcore::buf::Chain;

/// The buffers that are still to be sent.
pub struct ChainBody {
    parts: <Chain as IntoIterator>::IntoIter,
    left: u64,
}

impl From<Chain> for ChainBody {
    fn from(chain: Chain) -> Self {
        let left = chain.len() as u64;
        Self { parts: chain.into_iter(), left }
    }
}

impl ChainBody {
    /// A range of the bytes, which all are there.
    pub fn of_range(mut chain: Chain, range: Range<usize>) -> Self {
        chain.advance(range.start);
        Self { parts: chain.into_iter(), left: range.len() as u64 }
    }
}

impl Body for ChainBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let part = self.parts.next().map(|mut part| {
            part.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= part.len() as u64;
            part
        });
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
