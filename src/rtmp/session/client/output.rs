//! Media out to the server.

use bytes::Bytes;

use super::input::is_named;
use super::{ClientSession, Phase};
use crate::amf::{Value, amf0};
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};
use crate::rtmp::chunk::Message;
use crate::rtmp::message::type_id;

impl ClientSession {
    /// Queues one message for the server: `kind` is 8 (audio), 9 (video) or 18 (data in AMF0 that starts with its name),
    /// `timestamp` in wrapping milliseconds. The payload of audio and video is shared, not copied. `onMetaData` goes out
    /// behind `@setDataFrame`, as servers want it.
    ///
    /// # Errors
    /// Misuse where nothing is published or the payload is longer than 16,777,215 bytes; limit exceeded where
    /// `queued_output_bytes` are waiting, and nothing was queued then: write the output and send it again.
    pub fn send_media(&mut self, kind: u8, timestamp: u32, payload: Bytes) -> Result<()> {
        let Phase::Active(active) = &self.phase else { return Err(not_publishing()) };
        if !self.config.is_publish() {
            return Err(not_publishing());
        }
        let stream_id = active.stream_id;
        if self.is_output_full() {
            let queued = self.link.queued() as u64;
            return Err(Error::limit(Layer::Session, "output queue").found(queued));
        }
        let metadata = kind == type_id::DATA && is_named(&payload, "onMetaData");
        let payload = if metadata { data_frame(&payload) } else { payload };
        self.link.send(&Message { type_id: kind, stream_id, timestamp, payload })?;
        self.link.account(self.events.bytes());
        Ok(())
    }

    /// Queues the stream's metadata: `fields` as an `onMetaData`.
    ///
    /// # Errors
    /// As [`send_media`](Self::send_media).
    pub fn send_metadata(&mut self, timestamp: u32, fields: Vec<(String, Value)>) -> Result<()> {
        let mut body = Writer::with_capacity(512);
        amf0::encode_all(&mut body, &["onMetaData".into(), Value::EcmaArray(fields)]);
        self.send_media(type_id::DATA, timestamp, body.freeze())
    }

    /// Whether [`send_media`](Self::send_media) would take a message now.
    #[must_use]
    pub fn wants_media(&self) -> bool {
        self.is_publishing() && !self.is_output_full()
    }
}

fn data_frame(payload: &[u8]) -> Bytes {
    let mut body = Writer::with_capacity(payload.len() + 16);
    amf0::encode(&mut body, &Value::from("@setDataFrame"));
    body.bytes(payload);
    body.freeze()
}

const fn not_publishing() -> Error {
    Error::misuse(Layer::Session, "media of a session that does not publish")
}
