//! Media out to players, and the end of the connection.

use bytes::Bytes;

use super::stream::StreamState;
use super::{Phase, ServerSession, replies};
use crate::error::{Error, Layer, Result};
use crate::rtmp::chunk::{Message, SharedMessage};

impl ServerSession {
    /// Queues one message for a player: `kind` is 8 (audio), 9 (video) or 18 (data), `timestamp` in wrapping
    /// milliseconds. Dropped while the player is paused.
    ///
    /// # Errors
    /// Misuse where the stream is not played or the payload is too long, limit exceeded where `queued_output_bytes` are
    /// waiting: write the output first.
    pub fn send(&mut self, stream_id: u32, kind: u8, timestamp: u32, payload: Bytes) -> Result<()> {
        if self.may_send(stream_id)? {
            self.link.send(&Message { type_id: kind, stream_id, timestamp, payload })?;
            self.link.account(self.events.bytes());
        }
        Ok(())
    }

    /// Queues a message that was made for [`chunk_size`](Self::chunk_size) and for a message stream that is played here.
    ///
    /// # Errors
    /// As [`send`](Self::send), and misuse where it was made for another chunk size.
    pub fn send_shared(&mut self, message: &SharedMessage) -> Result<()> {
        if self.may_send(message.stream_id())? {
            self.link.send_shared(message)?;
            self.link.account(self.events.bytes());
        }
        Ok(())
    }

    fn may_send(&mut self, stream_id: u32) -> Result<bool> {
        let (queued, limit) = (self.link.queued(), self.config.limits.queued_output_bytes);
        let connected = self.connected()?;
        match connected.streams.find(stream_id).map(|stream| &stream.state) {
            Some(StreamState::Playing { paused: true }) => Ok(false),
            Some(StreamState::Playing { paused: false }) if queued < limit => Ok(true),
            Some(StreamState::Playing { .. }) => {
                Err(Error::limit(Layer::Session, "output queue").found(queued as u64))
            }
            _ => {
                Err(Error::misuse(Layer::Session, "stream that is not played")
                    .found(stream_id.into()))
            }
        }
    }

    /// Ends the connection from this side: players get the end of their streams, publishers a status. The session is
    /// closing then.
    pub fn close(&mut self) {
        if let Phase::Connected(connected) = &self.phase {
            let ids: Vec<u32> = connected.streams.iter().map(|stream| stream.id).collect();
            for id in ids {
                self.end_play(id);
            }
            self.end_all_streams();
            let code = "NetConnection.Connect.Closed";
            self.link.command(
                0,
                &replies::status("status", code, "The server closes the connection.", ""),
            );
        }
        self.start_closing();
    }
}
