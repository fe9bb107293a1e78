//! A segment that is sent while it is made: each part as a whole, as soon as it is there (E4-11).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame};
use streamcore::buf::Chain;
use streamcore::hls::{Answer, Growing};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::sessions::Figures;
use crate::stream::Stream;

/// Parts that wait for a slow player; past it the segment grows without being looked at.
const PARTS: usize = 4;

/// The parts of a segment as they come.
pub struct GrowingBody {
    part: Chain,
    next: mpsc::Receiver<Chain>,
    /// Of the player who gets it.
    figures: Option<Arc<Figures>>,
}

impl GrowingBody {
    /// What there is of the segment, and what comes.
    pub fn new(stream: Arc<Stream>, growing: Growing, figures: Option<Arc<Figures>>) -> Self {
        let (parts, next) = mpsc::channel(PARTS);
        let part = growing.body.clone();
        tokio::spawn(follow(stream, growing, parts));
        Self { part, next, figures }
    }
}

/// Sends the parts, until there is none of that number or nobody reads them.
async fn follow(stream: Arc<Stream>, growing: Growing, parts: mpsc::Sender<Chain>) {
    // Counted among those who wait.
    let _permit = stream.may_wait();
    let mut changes = stream.changes();
    let mut next = growing.next;
    loop {
        match stream.hls_answer(&growing.part_name(next), None) {
            Answer::Ready(file) => {
                if parts.send(file.body).await.is_err() {
                    return;
                }
                next += 1;
            }
            Answer::Wait(wait) => {
                let changed = timeout(wait.limit, changes.changed());
                tokio::select! {
                    changed = changed => if !matches!(changed, Ok(Ok(()))) { return },
                    () = parts.closed() => return,
                }
            }
            _ => return,
        }
    }
}

impl Body for GrowingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while self.part.is_empty() {
            let Some(part) = ready!(self.next.poll_recv(context)) else { return Poll::Ready(None) };
            self.part = part;
        }
        let piece = self.part.iter().next().cloned().unwrap_or_default();
        self.part.advance(piece.len());
        if let Some(figures) = &self.figures {
            figures.count(0, piece.len());
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
