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

#[cfg(test)]
mod tests {
    use super::*;

    /// All that a body gives.
    fn frames(body: ChainBody) -> Vec<Bytes> {
        let mut body = std::pin::pin!(body);
        let mut context = Context::from_waker(std::task::Waker::noop());
        let next = || match body.as_mut().poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(|frame| frame.unwrap().into_data().unwrap()),
            Poll::Pending => panic!("all is there"),
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn what_goes_to_the_socket_are_the_buffers_themselves() {
        let parts = [&b"head"[..], b"first unit", b"second unit"].map(Bytes::copy_from_slice);
        let chain: Chain = parts.iter().cloned().collect();
        let sent = frames(ChainBody::from(chain.clone()));
        let place = |bytes: &Bytes| (bytes.as_ptr(), bytes.len());
        assert_eq!(sent.iter().map(place).collect::<Vec<_>>(), parts.each_ref().map(place));
        // Bytes 6 to 16: the end of the first unit, the start of the second.
        let body = ChainBody::of_range(chain, 6..16);
        assert_eq!(body.size_hint().exact(), Some(10));
        let sent = frames(body);
        assert_eq!(sent, ["rst unit", "se"].map(Bytes::from));
        assert_eq!(sent[0].as_ptr(), parts[1][2..].as_ptr());
        assert_eq!(sent[1].as_ptr(), parts[2].as_ptr());
    }
}
